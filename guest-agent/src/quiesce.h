#pragma once

#include "worker.h"

// Everything on the disks, and with QUIESCE_FORGET nothing left of what only this machine has lived through.
work quiesce_work;
