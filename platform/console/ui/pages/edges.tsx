import { useState } from 'preact/hooks';
import { useApi } from '../api.ts';
import { Badge, Empty, Head, Missing, Operators, Panel, Problem, useChange } from '../parts.tsx';
import type { EdgeRow, EdgesView, ServerRow } from '../shapes.ts';
import { type Column, count, NONE, percent, Table } from '../table.tsx';

export function EdgesPage() {
  const { data, error, reload } = useApi<EdgesView>('edges', 3_000);
  const { begin, view } = useChange(reload);
  if (!data) return <Loading error={error} />;
  const open = data.edges.filter(({ breaker }) => breaker === 'open').length;
  const faults = data.faults.ok ? data.faults.value : [];
  const clear = (edge: string) =>
    begin({
      title: edge === '' ? 'Clear every fault' : `Clear ${edge}`,
      consequence: 'Calls go as they go by themselves.',
      path: 'faults',
      body: { action: 'clear', edge },
    });
  return (
    <>
      <Head
        title="Resilience"
        sub={`${data.edges.length} edges; ${open === 0 ? 'no circuit is open' : open === 1 ? 'one circuit is open' : `${open} circuits are open`}`}
      />
      <Problem error={error} isStale />
      <Missing missing={data.missing} />
      {view}
      <Panel
        title="Faults that are injected"
        right={
          faults.length > 0 && (
            <Operators>
              <button type="button" onClick={() => clear('')}>
                clear all
              </button>
            </Operators>
          )
        }
      >
        {!data.faults.ok ? (
          <Empty>They are not known: {data.faults.why}.</Empty>
        ) : (
          <Table
            rows={faults}
            keyOf={({ text }) => text}
            empty="None: calls go as they go by themselves."
            columns={[
              { title: 'Edge', look: 'tight', of: ({ from, to }) => `${from} → ${to}` },
              { title: 'What happens', look: 'mono', of: ({ text }) => text.split(' ').slice(1).join(' ') },
              {
                title: 'Change',
                look: 'tight',
                of: ({ from, to }) => (
                  <Operators>
                    <button type="button" onClick={() => clear(`${from}→${to}`)}>
                      clear<span class="unseen"> {`${from}→${to}`}</span>
                    </button>
                  </Operators>
                ),
              },
            ]}
          />
        )}
        <Operators>
          <FaultForm
            calls={data.calls}
            add={(edge, parts) =>
              begin({
                title: 'Inject it',
                consequence: `Calls ${edge.replace('→', ' → ')} suffer ${parts.join(' ')} until it is cleared.`,
                path: 'faults',
                body: { action: 'add', edge, parts },
                isDanger: true,
              })
            }
          />
        </Operators>
      </Panel>
      <Panel title="Edges" right="since the caller was started">
        <Table
          rows={data.edges}
          keyOf={({ from, to, protocol }) => `${from} ${to} ${protocol}`}
          empty="Nobody has called anybody yet."
          columns={EDGE_COLUMNS}
        />
      </Panel>
      <Panel title="What services take at a time">
        <Table
          rows={data.servers}
          keyOf={({ service, protocol }) => `${service} ${protocol}`}
          empty="No service has told it yet."
          columns={SERVER_COLUMNS}
        />
      </Panel>
    </>
  );
}

export function Loading({ error }: { readonly error: Parameters<typeof Problem>[0]['error'] }) {
  return error ? <Problem error={error} /> : <p class="empty">Loading …</p>;
}

const of = ({ counts }: EdgeRow, name: string): number => counts[name] ?? 0;

const REFUSALS: Readonly<Record<string, string>> = {
  circuitRefusals: 'by the open circuit',
  overloads: 'by the limit',
  deadlines: 'too late',
  hopeless: 'without a chance',
  retriesDenied: 'not tried again, for want of budget',
};

function refusalsOf(row: EdgeRow): string {
  return Object.entries(REFUSALS)
    .flatMap(([name, text]) => (of(row, name) > 0 ? [`${count(of(row, name))} ${text}`] : []))
    .join(', ');
}

const EDGE_COLUMNS: readonly Column<EdgeRow>[] = [
  {
    title: 'Edge',
    look: 'tight',
    of: ({ from, to, protocol }) => (
      <>
        <a href={`/services/${from}`}>{from}</a> → <a href={`/services/${to}`}>{to}</a>{' '}
        <span class="dim">{protocol}</span>
      </>
    ),
  },
  {
    title: 'Circuit',
    of: ({ breaker }) => (breaker ? <Badge state={breaker === 'open' ? 'open circuit' : breaker} /> : NONE),
  },
  {
    title: 'Under way',
    look: 'num',
    of: ({ running, limit }) => (limit === undefined ? running : `${running} of ${count(limit)}`),
  },
  { title: 'Waiting', look: 'num', of: ({ queued }) => queued || NONE },
  { title: 'Out', look: 'num', of: ({ ejected }) => ejected || NONE },
  { title: 'Calls', look: 'num', of: (row) => count(of(row, 'calls')) },
  {
    title: 'Tried again',
    look: 'num',
    of: (row) =>
      of(row, 'retries') === 0
        ? NONE
        : `${count(of(row, 'retries'))} (${percent(of(row, 'retries') / Math.max(1, of(row, 'calls')))})`,
  },
  { title: 'Ended without an answer', look: 'wrap', of: (row) => refusalsOf(row) || NONE },
];

const SERVER_COLUMNS: readonly Column<ServerRow>[] = [
  { title: 'Service', of: ({ service }) => <a href={`/services/${service}`}>{service}</a> },
  { title: 'By', of: ({ protocol }) => protocol.toUpperCase() },
  { title: 'Under way', look: 'num', of: ({ running }) => running },
  { title: 'At most', look: 'num', of: ({ limit }) => (limit === undefined ? NONE : count(limit)) },
  { title: 'Turned away', look: 'num', of: ({ shed }) => shed || NONE },
];

function FaultForm({
  calls,
  add,
}: {
  readonly calls: EdgesView['calls'];
  readonly add: (edge: string, parts: readonly string[]) => void;
}) {
  const [edge, setEdge] = useState('');
  const [what, setWhat] = useState('error=20%');
  const parts = what.trim().split(/\s+/).filter(Boolean);
  return (
    <form
      class="filters pad"
      onSubmit={(event) => {
        event.preventDefault();
        add(edge, parts);
      }}
    >
      <select aria-label="Edge" value={edge} onChange={(event) => setEdge(event.currentTarget.value)}>
        <option value="">an edge …</option>
        {calls.map(([from, to]) => (
          <option key={`${from} ${to}`} value={`${from}→${to}`}>
            {from} → {to}
          </option>
        ))}
      </select>
      <input
        aria-label="What happens"
        class="mono"
        value={what}
        onInput={(event) => setWhat(event.currentTarget.value)}
        title="latency=500ms[:30%] error=20% outcome=503:10% kill=1%"
      />
      <button type="submit" disabled={edge === '' || parts.length === 0}>
        Inject …
      </button>
      <span class="dim">latency=500ms[:30%] error=20% outcome=503:10% kill=1%</span>
    </form>
  );
}
