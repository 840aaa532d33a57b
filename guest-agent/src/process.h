// What the agent's own process must look like.
#pragma once

// Descriptors 0 to 2 are never left for something else to get.
void descriptors_fill(const char *path);
// As many descriptors as 512 commands need.
void descriptors_raise(void);
void signals_default(void);
void oom_score(const char *score);

void process_name(char *argv0);
// Makes argv[0] begin with @: systemd's last killing spares such a process of root.
void process_spare(void);
