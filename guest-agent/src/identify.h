#pragma once

#include "worker.h"

// Makes a copy of a machine a machine of its own. The order matters: what runs in it must not see the new clock with the old
// random pool, nor read its new name from old files.
work identify_work;
