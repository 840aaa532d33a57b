#pragma once

#include "worker.h"

// From the initramfs to a mounted root that is ready to boot.
work mount_work;
