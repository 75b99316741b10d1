import { useApi } from '../api.ts';
import { ago, clock, holderOf, milliseconds } from '../format.ts';
import { Badge, Empty, Head, Missing, Panel, Problem, useChange } from '../parts.tsx';
import { setFilter } from '../router.ts';
import type { Saga, SagaDetails } from '../shapes.ts';

/** What is done to many at once. */
const BULK = ['retry', 'compensate'];
const CONSEQUENCES: Readonly<Record<string, string>> = {
  retry: 'its open step is tried again now.',
  compensate: 'what was done is undone in reverse order, and it ends.',
};

const STATUSES = ['stuck', 'running', 'compensating', 'completed', 'compensated', 'cancelled'];

export function SagasPage({ query }: { readonly query: URLSearchParams }) {
  const status = query.get('status') ?? '';
  const { data, error, reload } = useApi<{
    sagas: readonly Saga[];
    missing: readonly { service: string; why: string }[];
  }>(`sagas?status=${encodeURIComponent(status)}`, 2_000);
  const { begin, view } = useChange(reload);
  const beginAll = (verb: string, open: number) =>
    begin({
      title: `${titleOf(verb)} all ${open}`,
      consequence: `Each of them as it is now, one after the other: ${CONSEQUENCES[verb]}`,
      path: 'sagas',
      body: { verb, ...(status && { status }) },
    });
  return (
    <>
      <Head title="Sagas" sub="stuck ones first" />
      <fieldset class="filters" aria-label="Status">
        {['', ...STATUSES].map((one) => (
          <button
            type="button"
            key={one}
            class={one === status ? 'primary' : ''}
            aria-pressed={one === status}
            onClick={() => setFilter('status', one)}
          >
            {one || 'all'}
          </button>
        ))}
      </fieldset>
      <Problem error={error} isStale={data !== undefined} />
      {data && <Missing missing={data.missing} />}
      {view}
      <Panel
        title={status || 'All'}
        right={
          data && (
            <>
              {BULK.map((verb) => {
                const open = data.sagas.filter((saga) => saga.open.some((one) => one.verb === verb)).length;
                return (
                  open > 1 && (
                    <button type="button" key={verb} onClick={() => beginAll(verb, open)}>
                      {verb} all {open}
                    </button>
                  )
                );
              })}
              <span>{data.sagas.length} shown</span>
            </>
          )
        }
      >
        {data && <SagaTable sagas={data.sagas} record={undefined} />}
      </Panel>
    </>
  );
}

export function SagaTable({
  sagas,
  record,
}: {
  readonly sagas: readonly Saga[];
  readonly record: string | undefined;
}) {
  if (sagas.length === 0) return <Empty>No sagas.</Empty>;
  return (
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th>Saga</th>
            <th>Status</th>
            <th>Step</th>
            <th class="num">Attempt</th>
            <th>Why</th>
            <th>Next try</th>
            <th>Started</th>
          </tr>
        </thead>
        <tbody>
          {sagas.map((saga) => (
            <tr key={`${saga.service} ${saga.id}`}>
              <td class="tight">
                <a class="mono" href={`/sagas/${saga.service}/${saga.id}`}>
                  {saga.id}
                </a>
                <div class="dim">
                  {saga.service} · {saga.type}
                  {record && (
                    <>
                      {' · '}
                      <a href={`/records/${record}/${saga.id}`}>record</a>
                    </>
                  )}
                </div>
              </td>
              <td>
                <Badge state={saga.status} />
              </td>
              <td class="tight">
                {saga.step ? `${saga.direction} ${saga.step}` : <span class="dim">–</span>}
              </td>
              <td class="num">{saga.attempt}</td>
              <td class="wrap">{whyOf(saga)}</td>
              <td class="tight">{saga.endedAt ? <span class="dim">–</span> : ago(saga.nextAttemptAt)}</td>
              <td class="tight">{ago(saga.startedAt)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function whyOf({ lastError, reason }: Saga) {
  if (lastError) return `${lastError.code}: ${lastError.message}`;
  return reason?.code ?? <span class="dim">–</span>;
}

export function SagaPage({ service, id }: { readonly service: string; readonly id: string }) {
  const { data: saga, error, reload } = useApi<SagaDetails>(`sagas/${service}/${id}`, 2_000);
  return (
    <>
      <Head title="Saga" sub={id} />
      <Problem error={error} isStale={saga !== undefined} />
      {saga && <SagaView saga={saga} reload={reload} />}
    </>
  );
}

/** Also a part of the page of what the saga is about. */
export function SagaView({ saga, reload }: { readonly saga: SagaDetails; readonly reload: () => void }) {
  const { begin, view } = useChange(reload);
  return (
    <>
      {view}
      <Panel title="Process" right={<Badge state={saga.status} />}>
        <dl class="facts">
          <dt>Type</dt>
          <dd>
            {saga.type}, version {saga.version}, in {saga.service}
          </dd>
          {saga.step && (
            <>
              <dt>Open step</dt>
              <dd>
                <b>
                  {saga.direction} {saga.step}
                </b>
                , attempt {saga.attempt}
                {saga.leasedBy && `, ${holderOf(saga, Date.now())}`}
              </dd>
            </>
          )}
          {saga.lastError && (
            <>
              <dt>Last error</dt>
              <dd class="error" style={{ color: 'var(--bad)' }}>
                {saga.lastError.code}: {saga.lastError.message}
              </dd>
            </>
          )}
          {saga.reason && (
            <>
              <dt>Reason</dt>
              <dd>{saga.reason.code}</dd>
            </>
          )}
          {!saga.endedAt && (
            <>
              <dt>Next try</dt>
              <dd>
                {clock(saga.nextAttemptAt)} ({ago(saga.nextAttemptAt)})
                {saga.status === 'stuck' &&
                  ', and again each minute until it succeeds or somebody repairs it'}
              </dd>
              <dt>Deadline</dt>
              <dd>{clock(saga.deadlineAt)}</dd>
            </>
          )}
        </dl>
        {saga.open.length > 0 && (
          <div
            class="pad"
            style={{ display: 'flex', gap: '8px', flexWrap: 'wrap', borderTop: '1px solid var(--line)' }}
          >
            {saga.open.map(({ verb, consequence }) => (
              <button
                type="button"
                key={verb}
                class={verb === 'retry' ? 'primary' : ''}
                title={consequence}
                onClick={() =>
                  begin({
                    title: titleOf(verb),
                    consequence,
                    path: `sagas/${saga.service}/${saga.id}`,
                    body: { verb, changes: saga.changes },
                  })
                }
              >
                {titleOf(verb)}
              </button>
            ))}
          </div>
        )}
      </Panel>
      <Panel title="Steps" right={`${saga.history.length} opened`}>
        <ol class="timeline">
          {saga.history.map((step) => (
            <li key={`${step.commandId} ${step.direction} ${step.branch ?? ''}`}>
              <span
                class={`dot ${step.status === 'done' ? 'good' : step.status === 'open' ? (saga.status === 'stuck' ? 'bad' : 'warn') : 'bad'}`}
              />
              <span>
                <b>
                  {step.direction} {step.step}
                  {step.branch && `/${step.branch}`}
                </b>{' '}
                <Badge state={step.status} />{' '}
                <span class="dim">
                  {step.via}, {step.attempts === 1 ? '1 attempt' : `${step.attempts} attempts`}
                </span>
                {step.lastError && (
                  <div class="wrap" style={{ color: 'var(--bad)' }}>
                    {step.lastError.code}: {step.lastError.message}
                  </div>
                )}
                {step.reply !== undefined && (
                  <div class="mono dim wrap">{JSON.stringify(step.reply).slice(0, 300)}</div>
                )}
              </span>
              <span class="dim">
                {clock(step.startedAt)}
                {step.endedAt &&
                  ` · ${milliseconds(new Date(step.endedAt).getTime() - new Date(step.startedAt).getTime())}`}
              </span>
            </li>
          ))}
        </ol>
      </Panel>
      {saga.audit.length > 0 && (
        <Panel title="What operators did">
          <ol class="timeline">
            {saga.audit.map((row) => (
              <li key={row.at}>
                <span class="dot" />
                <span>
                  <b>{row.verb}</b> by {row.by}: {row.reason}
                </span>
                <span class="dim">{clock(row.at)}</span>
              </li>
            ))}
          </ol>
        </Panel>
      )}
      <Panel title="Data">
        <pre>{JSON.stringify(saga.data, null, 2)}</pre>
      </Panel>
    </>
  );
}

function titleOf(verb: string): string {
  return verb[0]?.toUpperCase() + verb.slice(1);
}
