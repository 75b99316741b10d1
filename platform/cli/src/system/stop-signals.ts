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

const LOOK_MS = 1_000;

/**
 * Resolves when npm, which started this process, has ended: npm passes Ctrl-C on, but not a SIGTERM of its own. Never
 * resolves for a process that was not started by an npm script.
 */
export function npmEnded(env: Readonly<Record<string, string | undefined>>): Promise<void> {
  return new Promise((resolve) => {
    if (env['npm_lifecycle_event'] === undefined) return;
    const parent = process.ppid;
    const look = setInterval(() => {
      if (process.ppid === parent) return;
      clearInterval(look);
      resolve();
    }, LOOK_MS);
    look.unref();
  });
}
