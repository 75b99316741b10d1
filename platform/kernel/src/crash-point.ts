/**
 * Named places between two durable effects at which a test can end the process (SIGKILL), to prove that
 * nothing is lost or done twice. A no-op unless armed or watched: only `runService` does that, from its environment.
 * This is the one deliberate piece of module state in the platform: passing it
 * everywhere would put test plumbing into every signature.
 */
let armed: { readonly name: string; remaining: number; readonly crash: () => void } | undefined;
let watcher: ((name: string) => void) | undefined;

/** Marks a place. Names read `<package or service>.<before|after>-<effect>`. */
export function crashPoint(name: string): void {
  watcher?.(name);
  if (armed === undefined || armed.name !== name) return;
  armed.remaining -= 1;
  if (armed.remaining === 0) armed.crash();
}

/** Arms `name` or `name:n` (the n-th pass, default 1). An empty spec disarms. */
export function armCrashPoint(spec: string, crash: () => void): void {
  const [name = '', count = '1'] = spec.split(':');
  armed = name === '' ? undefined : { name, remaining: Number(count), crash };
}

/** Tells of every pass from now on, before it crashes; `undefined` ends that. */
export function watchCrashPoints(onPass: ((name: string) => void) | undefined): void {
  watcher = onPass;
}
