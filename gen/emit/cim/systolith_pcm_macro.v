// SPDX-License-Identifier: Apache-2.0
// Behavioural model of a phase-change memory macro, for simulation only.
//
// Integers as golden.cim.conversion and golden.cim.noise have them, bit for bit. A cell holds a
// conductance W (signed) and the standard deviation S of its read noise, both in steps, of which a
// weight has 32. +pcm_cells=FILE reads {S, W} of all cells, 32 bits each, in hexadecimal, row by
// row; a cell counts once it has been written, whatever with. Without the file a cell is what is
// written, without noise. +pcm_seed=N seeds the noise. A reset keeps the cells, and starts the
// count of conversions anew, which the noise depends on.
module systolith_pcm_macro #(
  parameter ROWS = 1024,
  parameter COLUMNS = 512,
  parameter MUX = 4,
  parameter ADJACENT = 0,
  parameter CODE_BITS = 24,
  parameter LANES = 8,
  parameter ADC_BITS = 0,  // 0: as many as activations have
  // Cycles of a conversion at 1 ... 8 bits of activations.
  parameter T1 = 3, parameter T2 = 4, parameter T3 = 6, parameter T4 = 10,
  parameter T5 = 18, parameter T6 = 34, parameter T7 = 66, parameter T8 = 130,
  localparam ADCS = COLUMNS / MUX,
  localparam ROW_WIDTH = $clog2(ROWS),
  localparam GROUP_WIDTH = COLUMNS > 16 ? $clog2(COLUMNS / 8) : 1,
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
  /* verilator lint_off UNUSEDSIGNAL */
  input  wire [3:0] weight_bits,  // a conductance has no bits
  /* verilator lint_on UNUSEDSIGNAL */
  input  wire [4:0] adc_shift,
  input  wire fire,
  output wire ready,
  output wire done,
  input  wire read_enable,
  input  wire [READ_WIDTH - 1:0] read_group,
  output reg  [LANES * CODE_BITS - 1:0] codes
);
  reg [31:0] cells [0:ROWS * COLUMNS - 1];
  reg written [0:ROWS * COLUMNS - 1];
  reg signed [CODE_BITS - 1:0] latched [0:ADCS - 1];
  reg [31:0] seed, conversions;
  reg from_file;
  reg [31:0] left;  // cycles of the conversion under way

  assign ready = left == 0;
  assign done = left == 1;
  assign write_ready = ready;

  string file;
  initial begin
    for (int cell_index = 0; cell_index < ROWS * COLUMNS; cell_index++) begin
      cells[cell_index] = 0;
      written[cell_index] = 0;
    end
    from_file = $value$plusargs("pcm_cells=%s", file) != 0;
    if (from_file) $readmemh(file, cells);
    if ($value$plusargs("pcm_seed=%d", seed) == 0) seed = 0;
  end

  function automatic [31:0] cycles(input [3:0] bits);
    case (bits)
      1: cycles = T1;
      2: cycles = T2;
      3: cycles = T3;
      4: cycles = T4;
      5: cycles = T5;
      6: cycles = T6;
      7: cycles = T7;
      default: cycles = T8;
    endcase
  endfunction

  function automatic [31:0] mix(input [31:0] x);
    reg [31:0] word;
    word = (x ^ x >> 16) * 32'h7feb352d;
    word = (word ^ word >> 15) * 32'h846ca68b;
    mix = word ^ word >> 16;
  endfunction

  // What the conversion with this key sees of a cell.
  function automatic longint seen(input [31:0] key, input int row, input int column);
    reg [31:0] held, h;
    longint noise;
    held = cells[row * COLUMNS + column];
    seen = longint'($signed(held[15:0]));
    if (held[31:16] != 0) begin
      h = mix(key ^ (row << 16 | column));
      noise = longint'(h[7:0]) + longint'(h[15:8]) + longint'(h[23:16]) + longint'(h[31:24]) - 510;
      seen += longint'(held[31:16]) * noise * 443 + 32768 >>> 16;
    end
  endfunction

  function automatic longint operand(input int row);
    reg [7:0] low;
    low = row_data[8 * row +: 8] << 8 - int'(activation_bits);
    operand = is_signed ? longint'($signed(low)) : longint'(low);
    operand = operand >>> 8 - int'(activation_bits);
  endfunction

  // The ADC, rounding half up, with symmetric ends.
  function automatic signed [CODE_BITS - 1:0] code(input longint sum);
    longint top, rounded;
    top = (64'sd1 <<< (ADC_BITS == 0 ? int'(activation_bits) : ADC_BITS) - 1) - 1;
    rounded = sum + (adc_shift == 0 ? 0 : 64'sd1 <<< adc_shift - 1) >>> adc_shift;
    if (rounded > top) rounded = top;
    if (rounded < -top) rounded = -top;
    code = rounded[CODE_BITS - 1:0];
  endfunction

  function automatic int column(input int adc);
    column = ADJACENT != 0 ? adc * MUX + int'(phase) : int'(phase) * ADCS + adc;
  endfunction

  task automatic convert();
    longint sums [0:ADCS - 1];
    longint driven;
    reg [31:0] key;
    key = mix(seed + conversions * 32'h9e3779b9);
    /* verilator unroll_disable */
    for (int adc = 0; adc < ADCS; adc++) sums[adc] = 0;
    /* verilator unroll_disable */
    for (int row = 0; row < ROWS; row++) begin
      driven = row_enable[row] ? operand(row) : 0;
      if (driven != 0) begin
        /* verilator unroll_disable */
        for (int adc = 0; adc < ADCS; adc++)
          if (adc_enable[adc] && written[row * COLUMNS + column(adc)])
            sums[adc] += driven * seen(key, row, column(adc));
      end
    end
    /* verilator unroll_disable */
    for (int adc = 0; adc < ADCS; adc++) latched[adc] = adc_enable[adc] ? code(sums[adc]) : 0;
  endtask

  task automatic write();
    int first;
    first = int'(write_payload[0 +: ROW_WIDTH]) * COLUMNS
      + int'(write_payload[ROW_WIDTH +: GROUP_WIDTH]) * 8;
    for (int place = 0; place < 8; place++) begin
      written[first + place] = 1;
      if (!from_file)
        cells[first + place] = {16'd0, 16'(
          $signed(write_payload[ROW_WIDTH + GROUP_WIDTH + 8 * place +: 8])) << 5};
    end
  endtask

  always @(posedge clk) begin
    // Before the codes change, so that in the cycle of ``done`` the last ones are still read.
    if (read_enable)
      for (int lane = 0; lane < LANES; lane++)
        codes[lane * CODE_BITS +: CODE_BITS] <= latched[int'(read_group) * LANES + lane];

    if (write_valid && write_ready) write();

    // A conversion's work is done at its end: until then all that it depends on is to stay.
    if (done) convert();

    if (rst) left <= 0;
    else if (fire && ready) left <= cycles(activation_bits) - 1;
    else if (left != 0) left <= left - 1;
    if (rst) conversions <= 0;
    else if (done) conversions <= conversions + 1;
  end
endmodule
