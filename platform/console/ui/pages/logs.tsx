import { useApi } from '../api.ts';
import { Head, Lines, Panel, Problem } from '../parts.tsx';
import { setFilter } from '../router.ts';
import type { LogLine } from '../shapes.ts';

interface Page {
  readonly lines: readonly LogLine[];
  readonly services: readonly string[];
}

export function LogsPage({ query }: { readonly query: URLSearchParams }) {
  const isFollowing = query.get('follow') !== '0';
  const { data, error } = useApi<Page>(`logs?${query}`, isFollowing ? 500 : 0);
  const field = (name: string) => ({
    value: query.get(name) ?? '',
    onInput: (event: { currentTarget: { value: string } }) => setFilter(name, event.currentTarget.value),
  });
  return (
    <>
      <Head title="Logs" sub="newest first" />
      <div class="filters">
        <input type="search" placeholder="Words" aria-label="Words" {...field('text')} />
        <select aria-label="Service" {...field('service')}>
          <option value="">all services</option>
          {data?.services.map((service) => (
            <option key={service} value={service}>
              {service}
            </option>
          ))}
        </select>
        <select aria-label="Level" {...field('severity')}>
          <option value="">every level</option>
          <option value="9">info and worse</option>
          <option value="13">warnings and errors</option>
          <option value="17">errors</option>
        </select>
        <label>
          <input
            type="checkbox"
            checked={isFollowing}
            onChange={(event) => setFilter('follow', event.currentTarget.checked ? '' : '0')}
          />{' '}
          follow
        </label>
      </div>
      <Problem error={error} isStale={data !== undefined} />
      {data && (
        <Panel title="Lines" right={`${data.lines.length} shown`}>
          <Lines lines={data.lines} />
        </Panel>
      )}
    </>
  );
}
