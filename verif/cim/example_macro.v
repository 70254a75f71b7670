// SPDX-License-Identifier: Apache-2.0
// A user's macro: all bits of a product at once, every conversion in CYCLES cycles.
//
// As small as a macro can be that keeps every rule of the contract (rtl/cim/contract.py). Weights
// are bytes of a memory that nothing clears, so a bit for every eight of them says whether they
// have been written since reset; until then they count as zero.
module example_macro #(
  parameter ROWS = 64,
  parameter COLUMNS = 32,
  parameter MUX = 2,
  parameter ADJACENT = 0,
  parameter CODE_BITS = 24,
  parameter LANES = 8,
  localparam ADCS = COLUMNS / MUX,
  localparam GROUPS = COLUMNS / 8,
  localparam ROW_WIDTH = $clog2(ROWS),
  localparam GROUP_WIDTH = GROUPS > 2 ? $clog2(GROUPS) : 1,
  localparam PHASE_WIDTH = MUX > 2 ? $clog2(MUX) : 1,
  localparam READ_WIDTH = ADCS > 2 * LANES ? $clog2(ADCS / LANES) : 1
) (
  input  wire clk,
  input  wire rst,
  input  wire [64 + GROUP_WIDTH + ROW_WIDTH - 1:0] write_payload,  // {weights, group, row}
  input  wire write_valid,
  output wire write_ready,
  input  wire [8 * ROWS - 1:0] row_data,
  input  wire [ROWS - 1:0] row_enable,
  input  wire [ADCS - 1:0] adc_enable,
  input  wire [PHASE_WIDTH - 1:0] phase,
  input  wire is_signed,
  input  wire [3:0] activation_bits,
  input  wire [3:0] weight_bits,
  /* verilator lint_off UNUSEDSIGNAL */
  input  wire [4:0] adc_shift,  // sums are codes
  /* verilator lint_on UNUSEDSIGNAL */
  input  wire fire,
  output wire ready,
  output wire done,
  input  wire read_enable,
  input  wire [READ_WIDTH - 1:0] read_group,
  output reg  [LANES * CODE_BITS - 1:0] codes
);
  localparam CYCLES = 4;

  reg [63:0] weights [0:ROWS * GROUPS - 1];
  reg [ROWS * GROUPS - 1:0] written;
  reg [ADCS * CODE_BITS - 1:0] latched;
  reg [2:0] left;  // cycles of the conversion under way

  assign ready = left == 0;
  assign done = left == 1;
  assign write_ready = ready;

  wire [$clog2(ROWS * GROUPS) - 1:0] address = $clog2(ROWS * GROUPS)'(
    32'(write_payload[0 +: ROW_WIDTH]) * GROUPS + 32'(write_payload[ROW_WIDTH +: GROUP_WIDTH]));

  // The low bits of a byte, in two's complement or unsigned.
  function automatic signed [8:0] low_bits(input [7:0] octet, input [3:0] bits, input negative);
    reg signed [8:0] high;
    high = $signed({octet, 1'b0}) <<< 4'd8 - bits;
    low_bits = negative ? high >>> 4'd9 - bits : $signed({1'b0, high[8:1] >> 4'd8 - bits});
  endfunction

  function automatic signed [CODE_BITS - 1:0] sum(input int column);
    sum = 0;
    for (int row = 0; row < ROWS; row++)
      if (row_enable[row] && written[row * GROUPS + column / 8])
        sum += CODE_BITS'(
          32'(low_bits(row_data[8 * row +: 8], activation_bits, is_signed))
          * 32'(low_bits(weights[row * GROUPS + column / 8][column % 8 * 8 +: 8],
                         weight_bits, 1'b1)));
  endfunction

  always @(posedge clk) begin
    if (write_valid && write_ready) begin
      weights[address] <= write_payload[ROW_WIDTH + GROUP_WIDTH +: 64];
      written[address] <= 1;
    end

    if (done)
      for (int adc = 0; adc < ADCS; adc++)
        latched[adc * CODE_BITS +: CODE_BITS] <= !adc_enable[adc] ? 0
          : sum(ADJACENT != 0 ? adc * MUX + int'(phase) : int'(phase) * ADCS + adc);

    if (read_enable)
      codes <= latched[int'(read_group) * LANES * CODE_BITS +: LANES * CODE_BITS];

    if (fire && ready) left <= CYCLES - 1;
    else if (left != 0) left <= left - 1;

    if (rst) begin
      left <= 0;
      written <= 0;
    end
  end
endmodule
