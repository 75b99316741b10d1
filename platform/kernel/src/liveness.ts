import type { ChildProcess } from 'node:child_process';

/** The questions and answers between a process and whoever watches over it, on their IPC channel. */
const PING = { type: 'ping' } as const;
const PONG = { type: 'pong' } as const;

/** Questions in `silenceMs`: one that is answered late is no sign of a hang. */
const QUESTIONS = 4;

/**
 * Lets this process be asked whether it lives. The answer comes from its event loop, so it stays out when that is
 * stuck. Nothing happens without an IPC channel.
 */
export function answerPings(): void {
  process.on('message', (message) => {
    if (isOf(PING, message) && process.connected) process.send?.(PONG, ignore);
  });
}

export interface Liveness {
  /** How long it may owe an answer. */
  readonly silenceMs: number;
  readonly onHang: () => void;
}

/**
 * Asks a child that answers pings, until it or their channel ends. Four questions in a row without an answer are a hang, `onHang` is
 * then called once. They are counted when the next one is due, so that a pause of this process itself counts as one.
 */
export function watchLiveness(child: ChildProcess, { silenceMs, onHang }: Liveness): void {
  let unanswered = 0;
  child.on('message', (message) => {
    if (isOf(PONG, message)) unanswered = 0;
  });
  const ask = () => {
    if (unanswered >= QUESTIONS) {
      stop();
      onHang();
    } else {
      unanswered += 1;
      child.send(PING, ignore);
    }
  };
  const timer = setInterval(ask, silenceMs / QUESTIONS);
  const stop = () => clearInterval(timer);
  child.once('exit', stop);
  child.once('disconnect', stop);
  ask();
}

function isOf({ type }: { readonly type: string }, message: unknown): boolean {
  return typeof message === 'object' && message !== null && 'type' in message && message.type === type;
}

/** A channel that has just closed: its end is told by other events. */
function ignore(): void {}
