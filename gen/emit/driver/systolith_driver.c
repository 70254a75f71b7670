/* SPDX-License-Identifier: Apache-2.0 */
#include "systolith_driver.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "The driver must run on a little-endian CPU"
#endif

#ifndef SYSTOLITH_READ32
#define SYSTOLITH_READ32(address) (*(const volatile uint32_t *)(address))
#endif
#ifndef SYSTOLITH_WRITE32
#define SYSTOLITH_WRITE32(address, value) (*(volatile uint32_t *)(address) = (value))
#endif
#ifndef SYSTOLITH_PAUSE
#define SYSTOLITH_PAUSE() ((void)0)
#endif
#ifndef SYSTOLITH_BARRIER
#ifdef __GNUC__
#define SYSTOLITH_BARRIER() __sync_synchronize()
#else
#error "SYSTOLITH_BARRIER() must be defined for this compiler"
#endif
#endif
#ifndef SYSTOLITH_CLEAN
#define SYSTOLITH_CLEAN(pointer, bytes) ((void)(pointer), (void)(bytes))
#endif
#ifndef SYSTOLITH_INVALIDATE
#define SYSTOLITH_INVALIDATE(pointer, bytes) ((void)(pointer), (void)(bytes))
#endif
#ifndef SYSTOLITH_DMA_POLLS
#define SYSTOLITH_DMA_POLLS 1000000u
#endif

#ifndef SYSTOLITH_CACHE_LINE
#define SYSTOLITH_CACHE_LINE 64
#endif
#ifdef __GNUC__
#define OWN_CACHE_LINES __attribute__((aligned(SYSTOLITH_CACHE_LINE)))
#else
#define OWN_CACHE_LINES
#endif

#define BLOCK 8u         /* channels of a word */
#define STAGED_WORDS 32u /* of a tensor that are moved at once */

static uint32_t get(const struct systolith_core *core, uint32_t offset)
{
    return SYSTOLITH_READ32(core->registers + offset);
}

static void set(const struct systolith_core *core, uint32_t offset, uint32_t value)
{
    SYSTOLITH_WRITE32(core->registers + offset, value);
}

enum systolith_result systolith_open(struct systolith_core *core, uintptr_t registers,
                                     uintptr_t window)
{
    core->registers = registers;
    core->window = window;
    core->dma_offset = 0;
    core->memory = 0;
    core->memory_bytes = 0;
    if (get(core, SYSTOLITH_ID) != SYSTOLITH_ID_VALUE
        || (get(core, SYSTOLITH_VERSION) ^ SYSTOLITH_VERSION_VALUE) & SYSTOLITH_VERSION_MAJOR_MASK)
        return SYSTOLITH_ERROR_NO_CORE;
    if (get(core, SYSTOLITH_SPEC_HASH_LO) != (uint32_t)SYSTOLITH_SPEC_HASH
        || get(core, SYSTOLITH_SPEC_HASH_HI) != (uint32_t)(SYSTOLITH_SPEC_HASH >> 32))
        return SYSTOLITH_ERROR_OTHER_CORE;
    return SYSTOLITH_OK;
}

void systolith_set_dma_offset(struct systolith_core *core, uint64_t offset)
{
    core->dma_offset = offset;
}

enum systolith_result systolith_set_memory(struct systolith_core *core, void *memory,
                                           uint32_t bytes)
{
    if ((uintptr_t)memory % 8u)
        return SYSTOLITH_ERROR_ALIGNMENT;
    core->memory = (uint64_t *)memory;
    core->memory_bytes = bytes;
    return SYSTOLITH_OK;
}

static int busy(const struct systolith_core *core)
{
    return (get(core, SYSTOLITH_STATUS) & SYSTOLITH_STATUS_BUSY_MASK) != 0;
}

#if SYSTOLITH_DMA

static enum systolith_result copy(struct systolith_core *core, uint32_t local, const void *memory,
                                  uint32_t bytes, uint32_t command)
{
    uint64_t external = (uint64_t)(uintptr_t)memory + core->dma_offset;
    uint32_t polls, status;

    if ((local | bytes | (uint32_t)external) % 8u)
        return SYSTOLITH_ERROR_ALIGNMENT;
    if (get(core, SYSTOLITH_DMA_STATUS) & SYSTOLITH_DMA_STATUS_BUSY_MASK)
        return SYSTOLITH_ERROR_BUSY;
    SYSTOLITH_CLEAN(memory, bytes);
    SYSTOLITH_BARRIER();
    set(core, SYSTOLITH_DMA_ADDRESS_LO, (uint32_t)external);
    set(core, SYSTOLITH_DMA_ADDRESS_HI, (uint32_t)(external >> 32));
    set(core, SYSTOLITH_DMA_LOCAL, local);
    set(core, SYSTOLITH_DMA_LENGTH, bytes);
    set(core, SYSTOLITH_DMA_CONTROL, command);
    for (polls = 0; polls < SYSTOLITH_DMA_POLLS; polls++) {
        status = get(core, SYSTOLITH_DMA_STATUS);
        if (!(status & SYSTOLITH_DMA_STATUS_BUSY_MASK)) {
            SYSTOLITH_BARRIER();
            SYSTOLITH_INVALIDATE(memory, bytes);
            return status & SYSTOLITH_DMA_STATUS_ERROR_MASK ? SYSTOLITH_ERROR_BUS : SYSTOLITH_OK;
        }
    }
    return SYSTOLITH_ERROR_TIME_OUT;
}

enum systolith_result systolith_copy_in(struct systolith_core *core, uint32_t local,
                                        const void *from, uint32_t bytes)
{
    return copy(core, local, from, bytes, SYSTOLITH_DMA_CONTROL_READ_IN_MASK);
}

enum systolith_result systolith_copy_out(struct systolith_core *core, void *to, uint32_t local,
                                         uint32_t bytes)
{
    return copy(core, local, to, bytes, SYSTOLITH_DMA_CONTROL_WRITE_OUT_MASK);
}

#endif

/* Words into the core's memories from byte `address` on, through the window or else by DMA. */
static enum systolith_result store(struct systolith_core *core, uint32_t address,
                                   const uint64_t *words, uint32_t count)
{
#if SYSTOLITH_WINDOW
    uintptr_t at = core->window + address;
    uint32_t i;

    for (i = 0; i < count; i++, at += 8) {
        SYSTOLITH_WRITE32(at, (uint32_t)words[i]);
        SYSTOLITH_WRITE32(at + 4, (uint32_t)(words[i] >> 32));
    }
    return SYSTOLITH_OK;
#else
    return systolith_copy_in(core, address, words, 8u * count);
#endif
}

static enum systolith_result fetch(struct systolith_core *core, uint64_t *words, uint32_t address,
                                   uint32_t count)
{
#if SYSTOLITH_WINDOW
    uintptr_t at = core->window + address;
    uint32_t i;

    for (i = 0; i < count; i++, at += 8) {
        words[i] = SYSTOLITH_READ32(at);
        words[i] |= (uint64_t)SYSTOLITH_READ32(at + 4) << 32;
    }
    return SYSTOLITH_OK;
#else
    return systolith_copy_out(core, words, address, 8u * count);
#endif
}

/* Whether the core may be given `image`, or a tensor of it. */
static enum systolith_result check(const struct systolith_core *core,
                                   const struct systolith_image *image)
{
    if (image->spec_hash != SYSTOLITH_SPEC_HASH)
        return SYSTOLITH_ERROR_OTHER_IMAGE;
    if (image->external_bytes > core->memory_bytes)
        return SYSTOLITH_ERROR_NO_MEMORY;
    return busy(core) ? SYSTOLITH_ERROR_BUSY : SYSTOLITH_OK;
}

enum systolith_result systolith_load(struct systolith_core *core,
                                     const struct systolith_image *image)
{
    const struct systolith_section *section = image->sections;
    const struct systolith_section *end = section + image->section_count;
    const uint64_t *words = image->words;
    enum systolith_result result = check(core, image);
    volatile uint64_t *memory = core->memory; /* so that no loop becomes a call of memcpy */
    uint32_t i, row;

    if (result != SYSTOLITH_OK)
        return result;
    for (i = 0; i < image->external_words; i++)
        memory[i] = image->external[i];
    if (image->external_words)
        SYSTOLITH_CLEAN(core->memory, 8u * image->external_words);
    for (; section != end; section++) {
        for (row = 0; row < section->rows; row++, words += section->words) {
            result = store(core, section->address + row * section->stride, words, section->words);
            if (result != SYSTOLITH_OK)
                return result;
        }
    }
    set(core, SYSTOLITH_PROGRAM_BASE, 0);
    set(core, SYSTOLITH_WEIGHT_BASE, 0);
    set(core, SYSTOLITH_SCHEDULE_BASE, 0);
    set(core, SYSTOLITH_LAST_LAYER, SYSTOLITH_LAST_LAYER_LAYER_MASK);
    if (image->external_bytes) {
        uint64_t base = (uint64_t)(uintptr_t)core->memory + core->dma_offset;
        set(core, SYSTOLITH_EXTERNAL_BASE_LO, (uint32_t)base);
        set(core, SYSTOLITH_EXTERNAL_BASE_HI, (uint32_t)(base >> 32));
    }
    return SYSTOLITH_OK;
}

/* Word of channel block `block` of row y, column x, from the tensor's first on. */
static uint32_t word_of(const struct systolith_tensor *t, uint32_t y, uint32_t x, uint32_t block)
{
    uint32_t bit = t->split - 1; /* no division: small CPUs would need a library for it */

    return block * t->plane + (y & bit) * t->phase_y + (x & bit) * t->phase_x
        + (y >> bit) * t->pitch + (x >> bit) * t->step;
}

/* Place in the model's order of channel k in memory, of pixel `pixel`. */
static uint32_t place_of(const struct systolith_tensor *t, uint32_t pixel, uint32_t k)
{
    return pixel * t->pixel_stride + (t->order ? t->order[k] : k) * t->channel_stride;
}

/* Up to STAGED_WORDS words that follow one another in a tensor, and where they are in memory. */
struct stage {
    uint64_t words[STAGED_WORDS];
    uint32_t first;
    uint32_t count;
};

static enum systolith_result put_stage(struct systolith_core *core,
                                       const struct systolith_tensor *t, struct stage *stage)
{
    uint32_t address = t->address + 8u * stage->first, i;
    volatile uint64_t *memory = core->memory + address / 8u;

    if (!t->outside)
        return store(core, address, stage->words, stage->count);
    for (i = 0; i < stage->count; i++)
        memory[i] = stage->words[i];
    if (stage->count)
        SYSTOLITH_CLEAN(core->memory + address / 8u, 8u * stage->count);
    return SYSTOLITH_OK;
}

static enum systolith_result get_stage(struct systolith_core *core,
                                       const struct systolith_tensor *t, struct stage *stage)
{
    uint32_t address = t->address + 8u * stage->first, i;
    const volatile uint64_t *memory = core->memory + address / 8u;

    if (!t->outside)
        return fetch(core, stage->words, address, stage->count);
    SYSTOLITH_INVALIDATE(core->memory + address / 8u, 8u * stage->count);
    for (i = 0; i < stage->count; i++)
        stage->words[i] = memory[i];
    return SYSTOLITH_OK;
}

static uint64_t pack(const struct systolith_tensor *t, const uint8_t *from, uint32_t pixel,
                     uint32_t block)
{
    uint64_t word = 0;
    uint32_t k = BLOCK * block, shift;

    for (shift = 0; shift < 64 && k < t->channels; shift += 8, k++)
        word |= (uint64_t)(from[place_of(t, pixel, k)] ^ t->flip) << shift;
    return word;
}

static void unpack(const struct systolith_tensor *t, uint8_t *to, uint32_t pixel, uint32_t block,
                   uint64_t word)
{
    volatile uint8_t *bytes = to;
    uint32_t k = BLOCK * block, shift;

    for (shift = 0; shift < 64 && k < t->channels; shift += 8, k++)
        bytes[place_of(t, pixel, k)] = (uint8_t)(word >> shift) ^ t->flip;
}

/* Moves a whole tensor: words that follow one another, at most STAGED_WORDS, at a time. */
static enum systolith_result move(struct systolith_core *core, const struct systolith_tensor *t,
                                  const uint8_t *from, uint8_t *to)
{
    uint32_t blocks = (t->channels + BLOCK - 1) / BLOCK;
    enum systolith_result result;
    OWN_CACHE_LINES struct stage stage;
    uint32_t block, y, x, i;

    for (block = 0; block < blocks; block++) {
        for (y = 0; y < t->height; y++) {
            uint32_t phase, step = t->split;
            for (phase = 0; phase < step && phase < t->width; phase++) {
                for (x = phase; x < t->width; x += step * stage.count) {
                    stage.first = word_of(t, y, x, block);
                    stage.count = (t->width - x + step - 1) >> (step - 1);
                    if (stage.count > STAGED_WORDS)
                        stage.count = STAGED_WORDS;
                    if (t->step != 1)
                        stage.count = 1;
                    if (from) {
                        for (i = 0; i < stage.count; i++)
                            stage.words[i] = pack(t, from, y * t->width + x + i * step, block);
                        result = put_stage(core, t, &stage);
                    } else {
                        result = get_stage(core, t, &stage);
                        for (i = 0; i < stage.count; i++)
                            unpack(t, to, y * t->width + x + i * step, block, stage.words[i]);
                    }
                    if (result != SYSTOLITH_OK)
                        return result;
                }
            }
        }
    }
    return SYSTOLITH_OK;
}

enum systolith_result systolith_write_input(struct systolith_core *core,
                                            const struct systolith_image *image,
                                            const void *input)
{
    enum systolith_result result = check(core, image);

    return result != SYSTOLITH_OK ? result
                                  : move(core, &image->input, (const uint8_t *)input, 0);
}

enum systolith_result systolith_read_output(struct systolith_core *core,
                                            const struct systolith_image *image, void *output)
{
    enum systolith_result result = check(core, image);

    return result != SYSTOLITH_OK ? result : move(core, &image->output, 0, (uint8_t *)output);
}

void systolith_set_watchdog(struct systolith_core *core, uint32_t cycles)
{
    set(core, SYSTOLITH_WATCHDOG, cycles);
}

void systolith_set_interrupt(struct systolith_core *core, int enable)
{
    set(core, SYSTOLITH_IRQ_ENABLE, enable ? SYSTOLITH_IRQ_ENABLE_ENABLE_MASK : 0);
}

void systolith_set_conditions(struct systolith_core *core, uint16_t flags)
{
    set(core, SYSTOLITH_CONDITIONS, flags);
}

enum systolith_result systolith_start(struct systolith_core *core)
{
    if (busy(core))
        return SYSTOLITH_ERROR_BUSY;
    SYSTOLITH_BARRIER();
    set(core, SYSTOLITH_CONTROL, SYSTOLITH_CONTROL_START_MASK);
    return SYSTOLITH_OK;
}

enum systolith_result systolith_finish(struct systolith_core *core)
{
    uint32_t status = get(core, SYSTOLITH_STATUS);

    if (!(status & (SYSTOLITH_STATUS_DONE_MASK | SYSTOLITH_STATUS_ERROR_MASK)))
        return SYSTOLITH_ERROR_BUSY;
    SYSTOLITH_BARRIER();
    set(core, SYSTOLITH_STATUS_CLEAR,
        SYSTOLITH_STATUS_CLEAR_DONE_MASK | SYSTOLITH_STATUS_CLEAR_ERROR_MASK);
    if (!(status & SYSTOLITH_STATUS_ERROR_MASK))
        return SYSTOLITH_OK;
    return (enum systolith_result)((status & SYSTOLITH_STATUS_CAUSE_MASK)
                                   >> SYSTOLITH_STATUS_CAUSE_SHIFT);
}

enum systolith_result systolith_wait(struct systolith_core *core, uint32_t polls)
{
    uint32_t left = polls;

    for (;;) {
        enum systolith_result result = systolith_finish(core);
        if (result != SYSTOLITH_ERROR_BUSY)
            return result;
        if (polls && !--left)
            return SYSTOLITH_ERROR_TIME_OUT;
        SYSTOLITH_PAUSE();
    }
}

enum systolith_result systolith_infer(struct systolith_core *core,
                                      const struct systolith_image *image, const void *input,
                                      void *output, uint32_t polls)
{
    enum systolith_result result = systolith_write_input(core, image, input);

    if (result == SYSTOLITH_OK)
        result = systolith_start(core);
    if (result == SYSTOLITH_OK)
        result = systolith_wait(core, polls);
    if (result == SYSTOLITH_OK)
        result = systolith_read_output(core, image, output);
    return result;
}

enum systolith_result systolith_reset(struct systolith_core *core, uint32_t polls)
{
    uint32_t left = polls;

    set(core, SYSTOLITH_CONTROL, SYSTOLITH_CONTROL_SOFT_RESET_MASK);
    while (busy(core) || get(core, SYSTOLITH_DMA_STATUS) & SYSTOLITH_DMA_STATUS_BUSY_MASK) {
        if (polls && !--left)
            return SYSTOLITH_ERROR_TIME_OUT;
    }
    set(core, SYSTOLITH_STATUS_CLEAR,
        SYSTOLITH_STATUS_CLEAR_DONE_MASK | SYSTOLITH_STATUS_CLEAR_ERROR_MASK);
    return SYSTOLITH_OK;
}

uint32_t systolith_cycles(const struct systolith_core *core)
{
    return get(core, SYSTOLITH_CYCLES);
}

uint32_t systolith_layer(const struct systolith_core *core)
{
    return (get(core, SYSTOLITH_STATUS) & SYSTOLITH_STATUS_LAYER_MASK)
        >> SYSTOLITH_STATUS_LAYER_SHIFT;
}

const char *systolith_text(enum systolith_result result)
{
    switch (result) {
    case SYSTOLITH_OK:
        return "no error";
    case SYSTOLITH_ERROR_NO_IMAGE:
        return "the core finds no image; load one";
    case SYSTOLITH_ERROR_FOREIGN_IMAGE:
        return "the image in the core is for another spec; compile the model for this one";
    case SYSTOLITH_ERROR_TRUNCATED_IMAGE:
        return "the image in the core is not whole; load it again";
    case SYSTOLITH_ERROR_BAD_DESCRIPTOR:
        return "a layer of the image in the core is damaged; load it again";
    case SYSTOLITH_ERROR_BUS:
        return "a bus error answered the core's DMA; check addresses";
    case SYSTOLITH_ERROR_WATCHDOG:
        return "the run took more cycles than the watchdog allows";
    case SYSTOLITH_ERROR_DENSITY:
        return "weights in the core are denser than the engine takes; load the image again";
    case SYSTOLITH_ERROR_NO_CORE:
        return "there is no core of this version at the address of the registers";
    case SYSTOLITH_ERROR_OTHER_CORE:
        return "the core is of another spec than systolith.h";
    case SYSTOLITH_ERROR_OTHER_IMAGE:
        return "the image is for another spec than systolith.h; compile the model for this one";
    case SYSTOLITH_ERROR_BUSY:
        return "a run or a DMA transfer is going on; wait for its end, or reset";
    case SYSTOLITH_ERROR_TIME_OUT:
        return "the core was still busy after so many polls; wait longer, or reset";
    case SYSTOLITH_ERROR_NO_MEMORY:
        return "the image needs more external memory than systolith_set_memory gave";
    case SYSTOLITH_ERROR_ALIGNMENT:
        return "addresses and lengths of memory must be multiples of 8";
    }
    return "the core gave a cause that this driver does not know";
}
