import { useApi } from '../api.ts';
import { ago, clock, seconds } from '../format.ts';
import { Badge, Empty, Head, Missing, Panel, Problem, useChange } from '../parts.tsx';
import { setFilter } from '../router.ts';
import type { ProjectionRow, ProjectionsView, StreamsView, StreamView } from '../shapes.ts';
import { count, NONE, plural, Table } from '../table.tsx';
import { Loading } from './edges.tsx';

export function StreamsPage({ query }: { readonly query: URLSearchParams }) {
  const projections = useApi<ProjectionsView>('projections', 3_000);
  const streams = useApi<StreamsView>(`streams?${query}`, 5_000);
  const { begin, view } = useChange(projections.reload);
  const field = (name: string) => ({
    value: query.get(name) ?? '',
    onInput: (event: { currentTarget: { value: string } }) => setFilter(name, event.currentTarget.value),
  });
  const held = projections.data?.projections.filter(({ isHeld }) => isHeld).length ?? 0;
  return (
    <>
      <Head
        title="Streams"
        sub={
          held === 0
            ? 'events as they were written, and the read models made of them'
            : `${plural(held, 'read model')} held up`
        }
      />
      {view}
      <Problem error={projections.error} isStale={projections.data !== undefined} />
      {projections.data && <Missing missing={projections.data.missing} />}
      <Projections data={projections.data} begin={begin} />
      {projections.data && projections.data.commands.length > 0 && (
        <Panel title="What was asked of them">
          <Table
            rows={projections.data.commands}
            keyOf={({ service, id }) => `${service} ${id}`}
            empty=""
            columns={[
              { title: 'When', look: 'tight', of: ({ requestedAt }) => ago(requestedAt) },
              { title: 'By', of: ({ requestedBy }) => requestedBy },
              { title: 'What', of: ({ verb, name, service }) => `${verb} ${name} of ${service}` },
              { title: 'State', of: ({ status }) => <Badge state={status} /> },
              { title: 'What came of it', look: 'wrap', of: ({ outcome }) => outcome ?? NONE },
            ]}
          />
        </Panel>
      )}
      <div class="filters">
        <input
          type="search"
          placeholder="Stream, or the id behind its category"
          aria-label="Stream"
          {...field('search')}
        />
        <select aria-label="Service" {...field('service')}>
          <option value="">all services</option>
          {streams.data?.services.map((service) => (
            <option key={service}>{service}</option>
          ))}
        </select>
        <select aria-label="Category" {...field('category')}>
          <option value="">all categories</option>
          {streams.data?.categories.map((category) => (
            <option key={category}>{category}</option>
          ))}
        </select>
      </div>
      <Problem error={streams.error} isStale={streams.data !== undefined} />
      <Panel
        title="Streams"
        right={streams.data && `${streams.data.streams.length} shown, those with the newest events`}
      >
        {streams.data ? (
          <Table
            rows={streams.data.streams}
            keyOf={({ service, streamId }) => `${service} ${streamId}`}
            empty="None is found."
            columns={[
              {
                title: 'Stream',
                look: 'mono tight',
                of: ({ service, streamId }) => (
                  <a href={`/streams/${service}/${encodeURIComponent(streamId)}`}>{streamId}</a>
                ),
              },
              { title: 'Service', of: ({ service }) => service },
              { title: 'Events', look: 'num', of: ({ version }) => version },
              { title: 'Last event', look: 'mono', of: ({ lastType }) => lastType },
              { title: 'When', look: 'tight', of: ({ lastAt }) => ago(lastAt) },
            ]}
          />
        ) : (
          <Loading error={streams.error} />
        )}
      </Panel>
    </>
  );
}

function Projections({
  data,
  begin,
}: {
  readonly data: ProjectionsView | undefined;
  readonly begin: ReturnType<typeof useChange>['begin'];
}) {
  return (
    <Panel title="Projections">
      {data ? (
        <Table
          rows={data.projections.flatMap((row) => row.generations.map((one) => ({ row, one })))}
          keyOf={({ row, one }) => `${row.service} ${row.name} ${one.generation}`}
          empty="No service has a projection."
          columns={[
            {
              title: 'Projection',
              look: 'tight',
              of: ({ row, one }) => (
                <>
                  <b>{row.name}</b>
                  <div class="dim">
                    {row.service} · {one.inline ? 'with the event' : 'behind the event'}
                  </div>
                </>
              ),
            },
            { title: 'Generation', look: 'num', of: ({ one }) => `${one.generation} (v${one.version})` },
            {
              title: 'State',
              of: ({ one }) => (
                <Badge state={one.isHalted ? 'halted' : one.isWaiting ? 'waiting' : one.state} />
              ),
            },
            {
              title: 'Behind',
              look: 'num tight',
              of: ({ one }) =>
                one.lagEvents === 0
                  ? NONE
                  : `${count(one.lagEvents)}${one.lagEvents >= 10_000 ? '+' : ''} events, ${seconds(one.lagSeconds)}`,
            },
            {
              title: 'What went wrong',
              look: 'wrap',
              of: ({ one }) =>
                one.error ? <span class="bad">{`${one.failedEvent ?? ''}: ${one.error}`}</span> : NONE,
            },
            {
              title: 'Change',
              look: 'tight',
              of: ({ row, one }) => (one.generation === row.newest ? <Verbs row={row} begin={begin} /> : ''),
            },
          ]}
        />
      ) : (
        <Loading error={undefined} />
      )}
    </Panel>
  );
}

function Verbs({
  row,
  begin,
}: {
  readonly row: ProjectionRow;
  readonly begin: ReturnType<typeof useChange>['begin'];
}) {
  return (
    <>
      {row.open.map(({ verb, consequence }) => (
        <button
          type="button"
          key={verb}
          title={consequence}
          aria-label={`${verb} ${row.name}`}
          onClick={() =>
            begin({
              title: `${verb[0]?.toUpperCase()}${verb.slice(1)}`,
              consequence,
              path: `projections/${row.service}/${row.name}`,
              body: { verb, newest: row.newest },
            })
          }
        >
          {verb}
        </button>
      ))}
    </>
  );
}

export function StreamPage({ service, id }: { readonly service: string; readonly id: string }) {
  const { data, error } = useApi<StreamView>(`streams/${service}/${encodeURIComponent(id)}`, 5_000);
  const traceOf = (traceparent: string | null) => traceparent?.split('-')[1];
  return (
    <>
      <Head title="Stream" sub={id}>
        <a href="/streams">all</a>
      </Head>
      <Problem error={error} isStale={data !== undefined} />
      {data ? (
        <Panel title={`Events, the newest first`} right={service}>
          <ol class="timeline">
            {data.events.map((event) => (
              <li key={event.version}>
                <span class="dim mono">{event.version}</span>
                <span>
                  <b class="mono">{event.type}</b> <span class="dim">schema {event.schemaVersion}</span>
                  <div class="mono wrap">{JSON.stringify(event.data)}</div>
                </span>
                <span class="dim tight">
                  {clock(event.recordedAt)}{' '}
                  {traceOf(event.traceparent) && <a href={`/traces/${traceOf(event.traceparent)}`}>trace</a>}
                </span>
              </li>
            ))}
          </ol>
        </Panel>
      ) : (
        !error && <Empty>Loading …</Empty>
      )}
    </>
  );
}
