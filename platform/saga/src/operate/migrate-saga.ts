import { crashPoint } from '@flotilla/kernel';
import { storableJson, type Transaction } from '@flotilla/postgres';
import type { SagaDefinition } from '../define/definition.ts';
import { isGroup, viaOf } from '../define/step.ts';
import { changedMeanwhile } from '../run/change.ts';
import type { InstanceRow, Migrated } from '../store/instances.ts';

interface StartedStep {
  readonly step: string;
  readonly branch: string;
  readonly via: string;
  readonly status: string;
}

/**
 * Makes an instance one of another version, in the caller's transaction. Returns why it cannot be, in words: then
 * nothing was written. Started steps keep their history, their command ids and their undo; steps that the new
 * version has inserted before the open one count as never started.
 */
export async function migrateSaga(
  tx: Transaction,
  row: InstanceRow,
  target: SagaDefinition,
): Promise<string | undefined> {
  const migration = target.migrations.find(({ from }) => from === row.def_version);
  if (migration === undefined)
    return `version ${target.version} does not say how version ${row.def_version} becomes it`;
  const started = await tx.query<StartedStep>(
    'SELECT step, branch, via, status FROM saga_step WHERE saga_id = $1 ORDER BY seq',
    [row.id],
  );
  const names = new Map<string, string | undefined>();
  for (const { step, branch } of started)
    for (const name of branch === '' ? [step] : [step, branch]) names.set(name, migration.step(name));
  const problem = problemOf(row, target, started, names);
  if (problem !== undefined) return problem;
  await write(tx, row, target, names, storableJson(JSON.stringify(migration.data(row.data))));
  crashPoint('saga.before-migrate-commit');
  tx.afterCommit(() => crashPoint('saga.after-migrate-commit'));
  return undefined;
}

type Names = ReadonlyMap<string, string | undefined>;

function problemOf(
  row: InstanceRow,
  target: SagaDefinition,
  started: readonly StartedStep[],
  names: Names,
): string | undefined {
  const { plan, steps } = target;
  const open = plan.steps.findIndex(({ name }) => name === names.get(row.step ?? ''));
  if (open < 0) return `the open step ${row.step} has no counterpart`;
  for (const step of started) {
    const problem = stepProblem(target, step, names);
    if (problem !== undefined) return problem;
    const index = plan.steps.findIndex(({ name }) => name === names.get(step.step));
    if (row.direction === 'do' && index > open)
      return `the step ${step.step} was started and would come again`;
  }
  if ((row.direction === 'do' && open >= plan.pivot) !== row.pivot_started)
    return 'it stands on the other side of the pivot there';
  return groupProblem(row, steps[open], started, names);
}

function stepProblem(
  { steps }: SagaDefinition,
  { step, branch, via, status }: StartedStep,
  names: Names,
): string | undefined {
  const element = steps.find(({ name }) => name === names.get(step));
  const inGroup = element !== undefined && isGroup(element);
  if (element === undefined || inGroup !== (branch !== ''))
    return `the step ${step}, which was started, has no counterpart`;
  const member = isGroup(element) ? element.members.find(({ name }) => name === names.get(branch)) : element;
  if (member === undefined) return `the branch ${branch}, which was started, has no counterpart`;
  return status === 'open' && viaOf(member) !== via
    ? `the open step ${branch || step} is reached in another way`
    : undefined;
}

/** A group that is open must have the same members: a new one would never be opened. */
function groupProblem(
  row: InstanceRow,
  element: SagaDefinition['steps'][number] | undefined,
  started: readonly StartedStep[],
  names: Names,
): string | undefined {
  if (element === undefined || !isGroup(element) || row.direction === 'undo') return undefined;
  const here = started.filter(({ step }) => step === row.step).map(({ branch }) => names.get(branch));
  const missing = element.members.find(({ name }) => !here.includes(name));
  return missing && `the open group ${element.name} has another branch there: ${missing.name}`;
}

async function write(
  tx: Transaction,
  row: InstanceRow,
  { plan, version }: SagaDefinition,
  names: Names,
  dataJson: string,
): Promise<void> {
  const open = names.get(row.step ?? '') ?? '';
  const index = plan.steps.findIndex(({ name }) => name === open);
  const here = new Set(names.values());
  const passed = plan.steps.slice(0, index).flatMap((step) => [step, ...(step.members ?? [])]);
  const original = (old: string) => row.migrated?.renamed[old] ?? old;
  const renamed = [...names].flatMap(([old, now]) =>
    now !== undefined && now !== original(old) ? [[now, original(old)] as const] : [],
  );
  const migrated: Migrated = {
    renamed: Object.fromEntries(renamed),
    unstarted: passed.map(({ name }) => name).filter((name) => !here.has(name)),
  };
  const moved = await tx.query(
    `UPDATE saga_instance SET def_version = $4, step = $5, data = $6::jsonb, migrated = $7::jsonb,
       version = version + 1, updated_at = clock_timestamp()
     WHERE id = $1 AND version = $2 AND lease_epoch = $3 RETURNING id`,
    [row.id, row.version, row.lease_epoch, version, open, dataJson, JSON.stringify(migrated)],
  );
  if (moved.length === 0) throw changedMeanwhile(row.id);
  const olds = [...names.keys()];
  await tx.query(
    `UPDATE saga_step s SET
       step = coalesce((SELECT r.now FROM unnest($2::text[], $3::text[]) AS r (old, now) WHERE r.old = s.step), s.step),
       branch = coalesce((SELECT r.now FROM unnest($2::text[], $3::text[]) AS r (old, now) WHERE r.old = s.branch), s.branch)
     WHERE s.saga_id = $1`,
    [row.id, olds, olds.map((old) => names.get(old) ?? old)],
  );
}
