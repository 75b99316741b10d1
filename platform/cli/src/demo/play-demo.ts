import { toError, unlessAborted } from '@flotilla/kernel';
import type { Claim, Demo, Stage } from './demo.ts';

/** How a demo went. */
export interface Performance {
  readonly demo: Demo;
  readonly outcome: 'held' | 'broken' | 'not-possible';
  readonly steps: readonly string[];
  readonly claims: readonly Claim[];
  /** Why it ended early, or why it is not possible here. */
  readonly reason?: string;
}

interface PlayOptions extends Pick<Stage, 'control' | 'dataDir'> {
  readonly onStep: (line: string) => void;
  /** Ends it early, with all that it changed put back. */
  readonly signal: AbortSignal;
}

/** Plays a demo and puts back what it changed; one after which the system is not as it was is broken, whatever it showed. */
export async function playDemo(
  demo: Demo,
  { control, dataDir, onStep, signal }: PlayOptions,
): Promise<Performance> {
  const steps: string[] = [];
  const undos: (readonly [what: string, undo: () => Promise<unknown>])[] = [];
  const stage: Stage = {
    control,
    dataDir,
    signal,
    say: (line) => {
      steps.push(line);
      onStep(line);
    },
    putBack: (what, undo) => undos.push([what, undo]),
  };
  const ended = await perform(demo, stage);
  const left = await putBack(undos);
  if (left.length === 0) return { demo, steps, ...ended };
  const reason = [ended.reason, `not put back: ${left.join(', ')}`].filter(Boolean).join('; ');
  return { demo, steps, ...ended, outcome: 'broken', reason };
}

async function perform(
  demo: Demo,
  stage: Stage,
): Promise<Pick<Performance, 'outcome' | 'claims' | 'reason'>> {
  try {
    const reason = await demo.needs(stage);
    if (reason !== undefined) return { outcome: 'not-possible', claims: [], reason };
    const claims = await unlessAborted(stage.signal, () => demo.play(stage));
    // A demo that claims nothing has shown nothing.
    const isHeld = claims.length > 0 && claims.every(({ holds }) => holds);
    return { outcome: isHeld ? 'held' : 'broken', claims };
  } catch (error) {
    return { outcome: 'broken', claims: [], reason: toError(error).message };
  }
}

async function putBack(
  undos: readonly (readonly [what: string, undo: () => Promise<unknown>])[],
): Promise<readonly string[]> {
  const left: string[] = [];
  for (const [what, undo] of undos.toReversed()) {
    try {
      await undo();
    } catch (error) {
      left.push(`${what} (${toError(error).message})`);
    }
  }
  return left;
}
