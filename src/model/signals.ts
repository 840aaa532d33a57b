/** What a machine's process on the host may be sent, by name without SIG. */
export const killSignals = ["TERM", "KILL", "INT", "HUP", "QUIT", "USR1", "USR2", "ABRT"] as const;

/** What a command in a machine may be sent, by name without SIG. */
export const jobSignals = [...killSignals, "ALRM", "STOP", "CONT", "TSTP", "WINCH"] as const;
