export const LOG_LEVELS: readonly string[] = ['debug', 'info', 'warn', 'error'];
