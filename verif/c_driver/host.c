/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

uint32_t (*systolith_host_read32)(uint64_t address);
void (*systolith_host_write32)(uint64_t address, uint32_t value);
void (*systolith_host_pause)(void);
