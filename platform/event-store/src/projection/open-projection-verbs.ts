import type { ProjectionVerb } from './projection-commands.ts';
import type { GenerationStatus } from './projection-status.ts';

/** Something that an operator may ask of a projection now, and what comes of it. */
export interface OpenProjectionVerb {
  readonly verb: ProjectionVerb;
  /** One sentence for whoever is about to ask. */
  readonly consequence: string;
}

/** What is open for the one projection that these are the generations of. Whoever carries it out decides again. */
export function openProjectionVerbs(generations: readonly GenerationStatus[]): readonly OpenProjectionVerb[] {
  const building = generations.find(({ state }) => state === 'building');
  const active = generations.find(({ state }) => state === 'active');
  const retired = generations.find(({ state }) => state === 'retired');
  const halted = generations.find(({ isHalted }) => isHalted);
  const held = halted ?? generations.find(({ isWaiting }) => isWaiting);
  const open: OpenProjectionVerb[] = [];
  if (halted) open.push({ verb: 'resume', consequence: `${halted.failedEvent} is tried again.` });
  if (held) open.push({ verb: 'skip', consequence: `It goes on without ${held.failedEvent}, for good.` });
  if (generations.length > 0 && !building) {
    const consequence =
      'A new generation is filled from the first event on; readers see the old one until it has caught up.';
    open.push({ verb: 'rebuild', consequence });
  }
  if (building && active) {
    const consequence = `The build of generation ${building.generation} is given up; readers keep ${active.generation}.`;
    open.push({ verb: 'rollback', consequence });
  } else if (!building && retired) {
    const consequence = `Readers see generation ${retired.generation} again, once it has caught up.`;
    open.push({ verb: 'rollback', consequence });
  }
  return open;
}
