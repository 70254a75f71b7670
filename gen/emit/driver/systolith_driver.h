/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Driver of a Systolith core: C99 or later, freestanding, without any library.
 *
 *   struct systolith_core core;
 *   systolith_open(&core, 0x43c00000, 0x43c10000);
 *   systolith_load(&core, &model_digits);
 *   systolith_infer(&core, &model_digits, input, output, 1000000);
 *
 * systolith.h, written for the same spec, lies beside this file; an image such as model_digits is
 * written by `systolith compile`. Every function gives SYSTOLITH_OK, or says what went wrong.
 *
 * These macros may be defined beforehand, for the whole of the driver:
 *   SYSTOLITH_READ32(address), SYSTOLITH_WRITE32(address, value)  one access to registers or window
 *   SYSTOLITH_DMA_POLLS  how often to look for the end of a DMA transfer
 *   SYSTOLITH_PAUSE()    between two polls for the end of a run: wait for the core's interrupt, or
 *                        let another task run
 *   SYSTOLITH_BARRIER()  earlier accesses to memory and core come before later ones
 *   SYSTOLITH_CLEAN(pointer, bytes), SYSTOLITH_INVALIDATE(pointer, bytes)
 *                        caches, where the core's DMA does not see through them;
 *                        SYSTOLITH_CACHE_LINE bytes of a line, by default 64
 */
#ifndef SYSTOLITH_DRIVER_H
#define SYSTOLITH_DRIVER_H

#include <stdint.h>

#include "systolith.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a function gives: the core's own causes, and behind them the driver's. */
enum systolith_result {
    SYSTOLITH_OK = 0,
    SYSTOLITH_ERROR_NO_IMAGE = SYSTOLITH_CAUSE_NO_IMAGE,
    SYSTOLITH_ERROR_FOREIGN_IMAGE = SYSTOLITH_CAUSE_FOREIGN_IMAGE,
    SYSTOLITH_ERROR_TRUNCATED_IMAGE = SYSTOLITH_CAUSE_TRUNCATED_IMAGE,
    SYSTOLITH_ERROR_BAD_DESCRIPTOR = SYSTOLITH_CAUSE_BAD_DESCRIPTOR,
    SYSTOLITH_ERROR_BUS = SYSTOLITH_CAUSE_BUS,
    SYSTOLITH_ERROR_WATCHDOG = SYSTOLITH_CAUSE_WATCHDOG,
    SYSTOLITH_ERROR_DENSITY = SYSTOLITH_CAUSE_DENSITY,
    SYSTOLITH_ERROR_NO_CORE = 256,
    SYSTOLITH_ERROR_OTHER_CORE,
    SYSTOLITH_ERROR_OTHER_IMAGE,
    SYSTOLITH_ERROR_BUSY,
    SYSTOLITH_ERROR_TIME_OUT,
    SYSTOLITH_ERROR_NO_MEMORY,
    SYSTOLITH_ERROR_ALIGNMENT
};

/* `rows` of `words` 64-bit words, a row every `stride` bytes from byte `address` on. */
struct systolith_section {
    uint32_t address;
    uint32_t rows;
    uint32_t words;
    uint32_t stride;
};

/*
 * Where an int8 tensor of height x width x channels lies, in 64-bit words of 8 channels: channel
 * block b of row y, column x is word b * plane + (y % split) * phase_y + (x % split) * phase_x
 * + y / split * pitch + x / split * step from byte `address` on, where `split` is 1 or 2. Channel k
 * there, of pixel p, is the model's byte p * pixel_stride + c * channel_stride, where c is order[k], or k
 * without an order. `flip`: to be XORed to each byte of the model's. `outside`: in external memory.
 */
struct systolith_tensor {
    uint32_t address;
    uint32_t height;
    uint32_t width;
    uint32_t channels;
    uint32_t split;
    uint32_t pitch;
    uint32_t step;
    uint32_t phase_x;
    uint32_t phase_y;
    uint32_t plane;
    uint32_t pixel_stride;
    uint32_t channel_stride;
    const uint32_t *order;
    uint8_t flip;
    uint8_t outside;
};

/*
 * A compiled model. `words`: of its `sections`, one behind the other. `external_words` of
 * `external` belong to the start of `external_bytes` of memory that the core's DMA reaches.
 */
struct systolith_image {
    uint64_t spec_hash;
    const uint64_t *words;
    const struct systolith_section *sections;
    uint32_t section_count;
    uint32_t external_words;
    const uint64_t *external;
    uint32_t external_bytes;
    struct systolith_tensor input;
    struct systolith_tensor output;
};

/* A core: addresses as the CPU sees them. To be set by functions of this file only. */
struct systolith_core {
    uintptr_t registers;
    uintptr_t window;
    uint64_t dma_offset;
    uint64_t *memory;
    uint32_t memory_bytes;
};

/*
 * Take hold of the core whose registers, and window (0 where it has none), are at these addresses.
 * Looks whether it is a core, and of the spec that systolith.h is of. A run is not disturbed.
 */
enum systolith_result systolith_open(struct systolith_core *core, uintptr_t registers,
                                     uintptr_t window);

/*
 * What is at CPU address a is at address a + `offset` for the core's DMA: 0 where both are the
 * same. Only cores with DMA need to know.
 */
void systolith_set_dma_offset(struct systolith_core *core, uint64_t offset);

/*
 * Memory for weights from outside and spilled activations: `memory`, a multiple of 8, which the DMA
 * reaches. Needed before loading an image that has external_bytes.
 */
enum systolith_result systolith_set_memory(struct systolith_core *core, void *memory,
                                           uint32_t bytes);

/* Write an image into the core, and its weights into external memory. */
enum systolith_result systolith_load(struct systolith_core *core,
                                     const struct systolith_image *image);

/* Write an input: height x width x channels bytes, in the model's order and type. */
enum systolith_result systolith_write_input(struct systolith_core *core,
                                            const struct systolith_image *image,
                                            const void *input);

/* Cycles after which the core stops a run by itself, with SYSTOLITH_ERROR_WATCHDOG; 0: never. */
void systolith_set_watchdog(struct systolith_core *core, uint32_t cycles);

/* Whether the core raises its interrupt at the end of a run; systolith_finish lowers it. */
void systolith_set_interrupt(struct systolith_core *core, int enable);

/* Flags with which runs start: bit 0 picks the pruned form of a model compiled --switchable. */
void systolith_set_conditions(struct systolith_core *core, uint16_t flags);

/* Start a run of the image that is loaded. */
enum systolith_result systolith_start(struct systolith_core *core);

/*
 * What became of the run: SYSTOLITH_ERROR_BUSY while it goes on, else how it ended, which the core
 * then forgets, as it lowers its interrupt.
 */
enum systolith_result systolith_finish(struct systolith_core *core);

/*
 * Wait for the end of the run: look `polls` times (0: without end), with SYSTOLITH_PAUSE() between.
 * After SYSTOLITH_ERROR_TIME_OUT the run still goes on.
 */
enum systolith_result systolith_wait(struct systolith_core *core, uint32_t polls);

/* Read the output, as the input is written. */
enum systolith_result systolith_read_output(struct systolith_core *core,
                                            const struct systolith_image *image, void *output);

/* Write an input, start, wait, read the output. */
enum systolith_result systolith_infer(struct systolith_core *core,
                                      const struct systolith_image *image, const void *input,
                                      void *output, uint32_t polls);

/* Stop run and DMA, after bursts under way; look for their end `polls` times (0: without end). */
enum systolith_result systolith_reset(struct systolith_core *core, uint32_t polls);

/* Cycles of the latest run, and the layer that ran last. */
uint32_t systolith_cycles(const struct systolith_core *core);
uint32_t systolith_layer(const struct systolith_core *core);

#if SYSTOLITH_DMA
/*
 * Copy `bytes` into the core's memories from `local` on, or out of them, by DMA; all multiples of 8.
 * `local` is an address of the window. Where caches matter, nothing else may share a line with `to`.
 */
enum systolith_result systolith_copy_in(struct systolith_core *core, uint32_t local,
                                        const void *from, uint32_t bytes);
enum systolith_result systolith_copy_out(struct systolith_core *core, void *to, uint32_t local,
                                         uint32_t bytes);
#endif

/* A result as a sentence. */
const char *systolith_text(enum systolith_result result);

#ifdef __cplusplus
}
#endif

#endif
