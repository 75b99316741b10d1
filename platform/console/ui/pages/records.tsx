import { Fragment } from 'preact';
import { useApi } from '../api.ts';
import { clock, milliseconds } from '../format.ts';
import { Cell, Chips, Empty, Head, Lines, Panel, Problem, Rows } from '../parts.tsx';
import { setFilter } from '../router.ts';
import type { LogLine, Part, SagaDetails, Trace } from '../shapes.ts';
import { SagaView } from './sagas.tsx';

type Row = Readonly<Record<string, unknown>>;

export function RecordsPage({ kind, query }: { readonly kind: string; readonly query: URLSearchParams }) {
  const search = query.get('search') ?? '';
  const { data, error } = useApi<{ title: string; rows: readonly Row[] }>(
    `records/${kind}?search=${encodeURIComponent(search)}`,
    3_000,
  );
  return (
    <>
      <Head title={data?.title ?? '…'} sub="what has not ended first" />
      <div class="filters">
        <input
          type="search"
          value={search}
          placeholder="Id, customer or status"
          aria-label="Search"
          onInput={(event) => setFilter('search', event.currentTarget.value)}
        />
      </div>
      <Problem error={error} isStale={data !== undefined} />
      {data && (
        <Panel title={data.title} right={`${data.rows.length} shown`}>
          <Rows rows={data.rows} link={(id) => `/records/${kind}/${id}`} empty="None is found." />
        </Panel>
      )}
    </>
  );
}

interface RecordDetails {
  readonly title: string;
  readonly id: string;
  readonly parts: readonly (Part<readonly Row[]> & { readonly title: string })[];
  readonly saga: Part<SagaDetails | null>;
  readonly traces: Part<readonly Trace[]>;
  readonly logs: Part<readonly LogLine[]>;
}

/** Everything about one, from wherever it lies. */
export function RecordPage({ kind, id }: { readonly kind: string; readonly id: string }) {
  const { data, error, reload } = useApi<RecordDetails>(`records/${kind}/${id}`, 3_000);
  return (
    <>
      <Head title={data?.title ?? '…'} sub={id}>
        <a href={`/records/${kind}`}>all</a>
      </Head>
      <Problem error={error} isStale={data !== undefined} />
      {data && (
        <>
          <div class="grid">
            {data.parts.map((part) => (
              <Panel key={part.title} title={part.title}>
                {part.ok ? <PartRows rows={part.value} /> : <Empty>It is not known: {part.why}.</Empty>}
              </Panel>
            ))}
          </div>
          {data.saga.ok ? (
            data.saga.value && <SagaView saga={data.saga.value} reload={reload} />
          ) : (
            <Panel title="Process">
              <Empty>It is not known: {data.saga.why}.</Empty>
            </Panel>
          )}
          <Panel title="Traces">
            {data.traces.ok ? (
              <TraceList traces={data.traces.value} />
            ) : (
              <Empty>They are not known: {data.traces.why}.</Empty>
            )}
          </Panel>
          <Panel title="Lines of logs that name it" right={<a href={`/logs?text=${id}`}>search</a>}>
            {data.logs.ok ? (
              <Lines lines={data.logs.value} />
            ) : (
              <Empty>They are not known: {data.logs.why}.</Empty>
            )}
          </Panel>
        </>
      )}
    </>
  );
}

/** One row reads better from top to bottom. */
function PartRows({ rows }: { readonly rows: readonly Row[] }) {
  const [only] = rows;
  if (rows.length !== 1 || !only) return <Rows rows={rows} empty="None." />;
  return (
    <dl class="facts">
      {Object.entries(only).map(([name, value]) => (
        <Fragment key={name}>
          <dt>{name.replaceAll('_', ' ')}</dt>
          <dd>
            <Cell name={name} value={value} />
          </dd>
        </Fragment>
      ))}
    </dl>
  );
}

function TraceList({ traces }: { readonly traces: readonly Trace[] }) {
  if (traces.length === 0) return <Empty>None is kept.</Empty>;
  return (
    <div class="scroll">
      <table>
        <tbody>
          {traces.map((trace) => (
            <tr key={trace.traceId}>
              <td class="tight">{clock(trace.startMs)}</td>
              <td>
                <a href={`/traces/${trace.traceId}`}>{trace.name ?? trace.traceId}</a>
              </td>
              <td class="num">{milliseconds(trace.durationMs)}</td>
              <td>
                <Chips services={trace.services} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
