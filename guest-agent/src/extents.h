#pragma once

#include <stdbool.h>

#include "tar.h"

// Looks for holes in a file and fills in its ranges, in whole blocks but for the last; false if there is no hole.
bool extents_find(int fd, struct tar_entry *entry);
