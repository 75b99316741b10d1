import type { PlannedStep, SagaPlan } from '../decide/state.ts';
import { isCall, isGroup, isMessage, type SagaElement, type SingleStep } from './step.ts';

const NAME = /^[a-z][a-z0-9.-]{0,99}$/;

interface Facts {
  readonly type: string;
  readonly version: number;
  readonly deadlineMs: number;
}

/** What the rules need to know of a declaration. Throws `TypeError` or `RangeError` for a contradictory one. */
export function planOf<Data extends object>(
  { type, version, deadlineMs }: Facts,
  elements: readonly SagaElement<Data>[],
): SagaPlan {
  if (!NAME.test(type)) throw new TypeError(`not a saga type: ${type}`);
  if (!Number.isInteger(version) || version < 1)
    throw new RangeError(`saga ${type}: version must be a positive integer, got ${version}`);
  if (!(deadlineMs > 0)) throw new RangeError(`saga ${type}: deadlineMs must be positive, got ${deadlineMs}`);
  checkNames(type, elements);
  const found = elements.findIndex((element) => !isGroup(element) && 'pivot' in element && element.pivot);
  const pivot = found < 0 ? elements.length : found;
  for (const [index, element] of elements.entries()) {
    for (const step of isGroup(element) ? element.members : [element]) {
      const problem = contradiction(step, index, pivot, isGroup(element));
      if (problem) throw new TypeError(`saga ${type}, step ${step.name}: ${problem}`);
    }
  }
  return { pivot, steps: elements.map(planned) };
}

function checkNames<Data extends object>(type: string, elements: readonly SagaElement<Data>[]): void {
  if (elements.length === 0) throw new TypeError(`saga ${type} has no steps`);
  const names = new Set<string>();
  for (const element of elements) {
    if (isGroup(element) && element.members.length < 2)
      throw new TypeError(`saga ${type}: the group ${element.name} needs two steps or more`);
    for (const { name } of isGroup(element) ? [element, ...element.members] : [element]) {
      if (!NAME.test(name)) throw new TypeError(`saga ${type}: not a step name: ${name}`);
      if (names.has(name)) throw new TypeError(`saga ${type}: two steps are named ${name}`);
      names.add(name);
    }
  }
}

function planned<Data extends object>(element: SagaElement<Data>): PlannedStep {
  if (isGroup(element)) {
    const members = element.members.map(planned);
    const undoable = members.some((member) => member.undoable);
    return { name: element.name, undoable, initialMs: 0, maxMs: 0, members };
  }
  const { name } = element;
  if (!isCall(element) && !isMessage(element)) return { name, undoable: false, initialMs: 0, maxMs: 0 };
  return {
    name,
    undoable: element.undo !== undefined,
    initialMs: element.retry?.initialMs ?? 100,
    maxMs: element.retry?.maxMs ?? 5_000,
    ...(isMessage(element) && { renewed: true as const }),
  };
}

function contradiction<Data extends object>(
  step: SingleStep<Data> | { readonly members: unknown },
  index: number,
  pivot: number,
  inGroup: boolean,
): string | undefined {
  if ('members' in step) return 'a group cannot hold a group';
  const problem = contradictionInside(step);
  // A wait cannot fail: it may stand anywhere.
  if (problem || !(isCall(step) || isMessage(step))) return problem;
  const isPivot = step.pivot === true;
  if (isPivot && inGroup) return 'the pivot is a step of its own, never one of a group';
  if (index <= pivot) return step.retriable ? 'retriable is for steps after the pivot' : undefined;
  if (isPivot) return 'there is a pivot already';
  if (step.undo) return 'it follows the pivot, so its undo would never be called';
  return step.retriable ? undefined : 'it follows the pivot, so it must be retriable';
}

function contradictionInside<Data extends object>(step: SingleStep<Data>): string | undefined {
  if ('timeoutMs' in step && step.timeoutMs !== undefined && !(step.timeoutMs > 0))
    return 'timeoutMs must be positive';
  if ('ms' in step && !(step.ms > 0)) return 'ms must be positive';
  if (!isMessage(step)) return undefined;
  if (step.replies.length === 0) return 'a command needs a reply that answers it';
  return step.undo?.replies.length === 0 ? 'its undo needs a reply that answers it' : undefined;
}
