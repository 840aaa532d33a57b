// Where a file has data: `banger-agent --map PATH` on the host, whose Node cannot see holes.
#pragma once

#include <stdbool.h>

// False when this is not what the arguments ask for. Prints a line "OFFSET LENGTH" for each range of data, in bytes and
// ascending; what they leave out is a hole. PATH is in hex.
bool map_helper(int argc, char **argv);
