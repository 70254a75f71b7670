/* SPDX-License-Identifier: Apache-2.0 */
/* The driver's accesses, handed to whoever set these pointers. */
#ifndef SYSTOLITH_HOST_H
#define SYSTOLITH_HOST_H

#include <stdint.h>

extern uint32_t (*systolith_host_read32)(uint64_t address);
extern void (*systolith_host_write32)(uint64_t address, uint32_t value);
extern void (*systolith_host_pause)(void);

#define SYSTOLITH_READ32(address) systolith_host_read32((uint64_t)(address))
#define SYSTOLITH_WRITE32(address, value) systolith_host_write32((uint64_t)(address), value)
#define SYSTOLITH_PAUSE() systolith_host_pause()

#endif
