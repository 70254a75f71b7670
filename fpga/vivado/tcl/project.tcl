# SPDX-License-Identifier: Apache-2.0
# Creates the Vivado project in the folder `project` beside this file:
#   vivado -mode batch -source project.tcl

set here [file dirname [file normalize [info script]]]
source [file join $here settings.tcl]

create_project $name [file join $here project] -part $part -force
set_property target_language Verilog [current_project]
if {$zynq} {
    source [file join $here design.tcl]
} else {
    foreach path $sources {
        add_files -norecurse [file join $here $path]
    }
    set_property top $top [current_fileset]
}
add_files -fileset constrs_1 -norecurse [file join $here board.xdc]
update_compile_order -fileset sources_1
