/**
 * Resolves at the first SIGINT, SIGTERM or SIGHUP (the terminal was closed); calls `again` at the next one,
 * when the user does not want to wait.
 */
export function stopSignal(again: () => void): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let asked = false;
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        if (asked) again();
        asked = true;
        resolve(signal);
      });
    }
  });
}
