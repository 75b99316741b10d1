import { useApi } from '../api.ts';
import { clock, milliseconds } from '../format.ts';
import { Badge, Chips, Empty, Head, Panel, Problem } from '../parts.tsx';
import { setFilter } from '../router.ts';
import type { Trace } from '../shapes.ts';

interface Page {
  readonly traces: readonly Trace[];
  readonly next: number | null;
  readonly services: readonly string[];
}

export function TracesPage({ query }: { readonly query: URLSearchParams }) {
  const isPaged = query.has('before');
  const { data, error } = useApi<Page>(`traces?${query}`, isPaged ? 0 : 2_000);
  const longest = Math.max(1, ...(data?.traces.map(({ durationMs }) => durationMs) ?? []));
  const more = new URLSearchParams(query);
  if (data?.next) more.set('before', String(data.next));
  const field = (name: string) => ({
    value: query.get(name) ?? '',
    onInput: (event: { currentTarget: { value: string } }) => setFilter(name, event.currentTarget.value),
  });
  return (
    <>
      <Head title="Traces" sub="newest first" />
      <div class="filters">
        <select aria-label="Service" {...field('service')}>
          <option value="">all services</option>
          {data?.services.map((service) => (
            <option key={service} value={service}>
              {service}
            </option>
          ))}
        </select>
        <input type="search" placeholder="Name of the request" aria-label="Name" {...field('name')} />
        <input type="search" placeholder="attribute=value" aria-label="Attribute" {...field('attribute')} />
        <label>
          at least{' '}
          <input
            type="number"
            min="0"
            style={{ width: '84px' }}
            aria-label="Milliseconds at least"
            {...field('min')}
          />{' '}
          ms
        </label>
        <label>
          <input
            type="checkbox"
            checked={query.get('errors') === '1'}
            onChange={(event) => setFilter('errors', event.currentTarget.checked ? '1' : '')}
          />{' '}
          with errors
        </label>
      </div>
      <Problem error={error} isStale={data !== undefined} />
      {data && (
        <Panel title="Traces" right={data.next !== null && <a href={`/traces?${more}`}>older</a>}>
          {data.traces.length === 0 ? (
            <Empty>None is found{data.next ? ' so far; look at older ones' : ''}.</Empty>
          ) : (
            <div class="scroll">
              <table>
                <thead>
                  <tr>
                    <th>Time</th>
                    <th>Request</th>
                    <th class="num">Took</th>
                    <th>
                      <span class="dim">share</span>
                    </th>
                    <th class="num">Spans</th>
                    <th>Services</th>
                  </tr>
                </thead>
                <tbody>
                  {data.traces.map((trace) => (
                    <tr key={trace.traceId}>
                      <td class="tight">{clock(trace.startMs)}</td>
                      <td>
                        <a href={`/traces/${trace.traceId}`}>
                          {trace.name ?? `${trace.service}: no root yet`}
                        </a>{' '}
                        {trace.errors > 0 && <span class="badge bad">{trace.errors} failed</span>}{' '}
                        {trace.pinned.includes('slow') && <Badge state="slow" />}
                      </td>
                      <td class="num tight">{milliseconds(trace.durationMs)}</td>
                      <td>
                        <div class="bars" aria-hidden="true">
                          <i style={{ width: `${(trace.durationMs / longest) * 100}%` }} />
                        </div>
                      </td>
                      <td class="num">{trace.spans}</td>
                      <td>
                        <Chips services={trace.services} />
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )}
        </Panel>
      )}
    </>
  );
}
