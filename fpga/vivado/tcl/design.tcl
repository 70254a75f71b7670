# SPDX-License-Identifier: Apache-2.0
# The core beside a Zynq's processors: registers and window on M_AXI_GP0, the core's DMA on
# S_AXI_HP0, its interrupt on IRQ_F2P and on an LED. Read by project.tcl; for Vivado 2020.2 or later.

set preset [expr {[llength [get_board_parts -quiet $board_part]] > 0}]
if {$preset} {
    set_property board_part $board_part [current_project]
} else {
    puts "board files of $board_part are not installed: DDR stays as Vivado has it by default"
}
set_property ip_repo_paths [file join $here ip] [current_project]
update_ip_catalog
create_bd_design $top

set ps [create_bd_cell -type ip -vlnv xilinx.com:ip:processing_system7:5.5 ps]
apply_bd_automation -rule xilinx.com:bd_rule:processing_system7 -config [list \
    make_external {FIXED_IO, DDR} apply_board_preset $preset Master Disable Slave Disable] $ps
set_property -dict [list \
    CONFIG.PCW_FPGA0_PERIPHERAL_FREQMHZ $clock_mhz \
    CONFIG.PCW_USE_M_AXI_GP0 1 \
    CONFIG.PCW_USE_S_AXI_HP0 $dma \
    CONFIG.PCW_S_AXI_HP0_DATA_WIDTH 64 \
    CONFIG.PCW_USE_FABRIC_INTERRUPT 1 \
    CONFIG.PCW_IRQ_F2P_INTR 1 \
] $ps

create_bd_cell -type ip -vlnv $core core
create_bd_cell -type ip -vlnv xilinx.com:ip:proc_sys_reset:5.0 reset
create_bd_cell -type ip -vlnv xilinx.com:ip:smartconnect:1.0 control
set_property -dict [list CONFIG.NUM_SI 1 CONFIG.NUM_MI [expr {1 + $window}]] \
    [get_bd_cells control]

connect_bd_intf_net [get_bd_intf_pins ps/M_AXI_GP0] [get_bd_intf_pins control/S00_AXI]
connect_bd_intf_net [get_bd_intf_pins control/M00_AXI] [get_bd_intf_pins core/s_axil]
if {$window} {
    connect_bd_intf_net [get_bd_intf_pins control/M01_AXI] [get_bd_intf_pins core/s_axi]
}

set clocked [list ps/M_AXI_GP0_ACLK reset/slowest_sync_clk control/aclk core/clk]
set reset [list control/aresetn]
if {$dma} {
    create_bd_cell -type ip -vlnv xilinx.com:ip:smartconnect:1.0 memory
    set_property -dict [list CONFIG.NUM_SI 1 CONFIG.NUM_MI 1] [get_bd_cells memory]
    connect_bd_intf_net [get_bd_intf_pins core/m_axi] [get_bd_intf_pins memory/S00_AXI]
    connect_bd_intf_net [get_bd_intf_pins memory/M00_AXI] [get_bd_intf_pins ps/S_AXI_HP0]
    lappend clocked ps/S_AXI_HP0_ACLK memory/aclk
    lappend reset memory/aresetn
}
foreach pin $clocked {
    connect_bd_net [get_bd_pins ps/FCLK_CLK0] [get_bd_pins $pin]
}
connect_bd_net [get_bd_pins ps/FCLK_RESET0_N] [get_bd_pins reset/ext_reset_in]
foreach pin $reset {
    connect_bd_net [get_bd_pins reset/interconnect_aresetn] [get_bd_pins $pin]
}
connect_bd_net [get_bd_pins reset/peripheral_reset] [get_bd_pins core/rst]
connect_bd_net [get_bd_pins core/irq] [get_bd_pins ps/IRQ_F2P]
create_bd_port -dir O irq
connect_bd_net [get_bd_pins core/irq] [get_bd_ports irq]

assign_bd_address -offset $registers_base -range $registers_range \
    -target_address_space [get_bd_addr_spaces ps/Data] [get_bd_addr_segs core/s_axil/register]
if {$window} {
    assign_bd_address -offset $window_base -range $window_range \
        -target_address_space [get_bd_addr_spaces ps/Data] [get_bd_addr_segs core/s_axi/memory]
}
if {$dma} {
    assign_bd_address -target_address_space [get_bd_addr_spaces core/m_axi] \
        [get_bd_addr_segs ps/S_AXI_HP0/HP0_DDR_LOWOCM]
}

validate_bd_design
save_bd_design
set design [get_files $top.bd]
generate_target all $design
add_files -norecurse [make_wrapper -files $design -top]
set top ${top}_wrapper
set_property top $top [current_fileset]
