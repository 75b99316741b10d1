import { useApi } from '../api.ts';
import { Chart } from '../chart.tsx';
import { colourOf } from '../format.ts';
import { Empty, Head, Panel, Problem } from '../parts.tsx';
import { setFilter } from '../router.ts';
import type { ChartSeries, MetricFamilyRow, MetricView } from '../shapes.ts';
import { count, Table } from '../table.tsx';
import { Loading } from './edges.tsx';

export function MetricsPage({ query }: { readonly query: URLSearchParams }) {
  const search = query.get('search') ?? '';
  const { data, error } = useApi<{ families: readonly MetricFamilyRow[] }>(
    `metrics?search=${encodeURIComponent(search)}`,
    10_000,
  );
  return (
    <>
      <Head title="Metrics" sub={data && `${data.families.length} shown`} />
      <div class="filters">
        <input
          type="search"
          placeholder="Words"
          aria-label="Search metrics"
          value={search}
          onInput={(event) => setFilter('search', event.currentTarget.value)}
        />
      </div>
      <Problem error={error} isStale={data !== undefined} />
      {!data && <Loading error={error} />}
      {data && (
        <Panel title="What processes tell of themselves">
          <Table
            rows={data.families}
            keyOf={({ name }) => name}
            empty="None is found, or none has been told yet."
            columns={[
              {
                title: 'Metric',
                look: 'mono',
                of: ({ name }) => <a href={`/metrics/${encodeURIComponent(name)}`}>{name}</a>,
              },
              { title: 'Unit', look: 'mono', of: ({ unit }) => unit },
              { title: 'Kind', of: ({ type }) => type.replaceAll(/(?=[A-Z])|_/g, ' ').toLowerCase() },
              { title: 'What it says', look: 'wrap', of: ({ description }) => description },
              { title: 'Services', look: 'num', of: ({ services }) => services.length },
            ]}
          />
        </Panel>
      )}
    </>
  );
}

const MINUTES = [5, 15, 60, 360];

export function MetricPage({ name, query }: { readonly name: string; readonly query: URLSearchParams }) {
  const minutes = Number(query.get('minutes') ?? 15);
  const service = query.get('service') ?? '';
  const asked = new URLSearchParams({ minutes: String(minutes), service });
  const { data, error } = useApi<MetricView>(`metrics/${encodeURIComponent(name)}?${asked}`, 5_000);
  return (
    <>
      <Head title={name} sub={data?.family.description}>
        <a href="/metrics">all</a>
      </Head>
      <div class="filters">
        {MINUTES.map((one) => (
          <button
            type="button"
            key={one}
            class={one === minutes ? 'primary' : ''}
            aria-pressed={one === minutes}
            onClick={() => setFilter('minutes', String(one))}
          >
            {one < 60 ? `${one} min` : `${one / 60} h`}
          </button>
        ))}
        <select
          aria-label="Service"
          value={service}
          onChange={(event) => setFilter('service', event.currentTarget.value)}
        >
          <option value="">all services</option>
          {data?.family.services.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      </div>
      <Problem error={error} isStale={data !== undefined} />
      {!data && <Loading error={error} />}
      {data && <Charts data={data} />}
    </>
  );
}

function Charts({ data }: { readonly data: MetricView }) {
  const { series, family } = data;
  const isRate =
    series.some(({ monotonic }) => monotonic) ||
    series.some(({ points }) => points.some(({ p95 }) => p95 !== undefined));
  const hasQuantiles = series.some(({ points }) => points.some(({ p95 }) => p95 !== undefined));
  if (series.length === 0)
    return (
      <Panel title="Nothing">
        <Empty>Nothing was told of it in this time.</Empty>
      </Panel>
    );
  const unit = unitOf(family.unit);
  return (
    <>
      {hasQuantiles && <Chart title={`95 % are below, ${unit}`} data={data} of="p95" />}
      <Chart
        title={isRate ? (hasQuantiles ? 'how many a second' : `${unit} a second`) : unit}
        data={data}
        of="value"
      />
      <Panel title="Series" right={`${series.length}`}>
        <Table<ChartSeries>
          rows={series}
          keyOf={(one) => JSON.stringify([one.service, one.instance, one.attributes])}
          empty=""
          columns={[
            {
              title: 'Process',
              look: 'tight',
              of: ({ service, instance }) => (
                <span class="chip">
                  <i style={{ background: colourOf(service) }} />
                  {service} <span class="dim mono">{instance}</span>
                </span>
              ),
            },
            {
              title: 'Of',
              look: 'mono wrap',
              of: ({ attributes }) =>
                Object.entries(attributes)
                  .map(([key, value]) => `${key}=${String(value)}`)
                  .join(' '),
            },
            {
              title: isRate ? 'A second' : 'Now',
              look: 'num',
              of: ({ points }) => count(points.at(-1)?.value ?? 0),
            },
            ...(hasQuantiles
              ? [
                  {
                    title: '50 %',
                    look: 'num',
                    of: ({ points }: ChartSeries) => quantile(points.at(-1)?.p50),
                  },
                  {
                    title: '95 %',
                    look: 'num',
                    of: ({ points }: ChartSeries) => quantile(points.at(-1)?.p95),
                  },
                ]
              : []),
          ]}
        />
      </Panel>
    </>
  );
}

function quantile(value: number | undefined) {
  return value === undefined ? '–' : Number(value.toPrecision(3));
}

function unitOf(unit: string): string {
  if (unit === 's') return 'seconds';
  if (unit === 'By') return 'bytes';
  return unit.replaceAll(/[{}]/g, '').replace(/^1$/, 'ratio');
}
