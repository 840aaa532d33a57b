#pragma once

// The terminal type itself if the machine's root has a description of it, or has none at all; else the nearest that it has.
const char *terminal_type(const char *wanted);
