#pragma once

#include "worker.h"

work file_work;
