# SPDX-License-Identifier: Apache-2.0
# Creates the project and makes the bitstream, beside this file, with reports:
#   vivado -mode batch -source build.tcl
# Exits with 1 where a run fails or timing is not met.

source [file join [file dirname [file normalize [info script]]] project.tcl]

proc finish {run step} {
    launch_runs $run {*}$step -jobs 4
    wait_on_run $run
    if {[get_property PROGRESS [get_runs $run]] ne "100%"} {
        puts stderr "$run must end well, but it says: [get_property STATUS [get_runs $run]]"
        exit 1
    }
}

finish synth_1 {}
finish impl_1 {-to_step write_bitstream}
open_run impl_1
report_utilization -file [file join $here utilization.rpt]
report_timing_summary -file [file join $here timing.rpt]
set made [file join [get_property DIRECTORY [get_runs impl_1]] $top.bit]
file copy -force $made [file join $here $name.bit]
if {$zynq} {
    write_hw_platform -fixed -include_bit -force -file [file join $here $name.xsa]
}
set slack [get_property SLACK [get_timing_paths -max_paths 1 -setup]]
puts "$name: slack $slack ns at $clock_mhz MHz"
if {$slack < 0} {
    puts stderr "slack must not be negative, not $slack ns; lower target.clock_mhz of the spec"
    exit 1
}
