import { useApi } from '../api.ts';
import { seconds } from '../format.ts';
import { Badge, Empty, Head, Panel, Problem, useChange } from '../parts.tsx';
import type { Process } from '../shapes.ts';

const MEBIBYTE = 1_048_576;

export function ServicesPage() {
  const { data, error, reload } = useApi<{ processes: readonly Process[] }>('services', 2_000);
  const processes = data?.processes ?? [];
  const bytes = processes.reduce((sum, { rssBytes }) => sum + (rssBytes ?? 0), 0);
  return (
    <>
      <Head
        title="Services"
        sub={data && `${processes.length} processes, ${Math.round(bytes / MEBIBYTE)} MB`}
      />
      <Problem error={error} isStale={data !== undefined} />
      <ProcessTable processes={processes} reload={reload} />
    </>
  );
}

function ProcessTable({
  processes,
  reload,
}: {
  readonly processes: readonly Process[];
  readonly reload: () => void;
}) {
  const { begin, view } = useChange(reload);
  const most = Math.max(1, ...processes.map(({ rssBytes }) => rssBytes ?? 0));
  return (
    <>
      {view}
      <Panel title="Processes">
        <div class="scroll">
          <table>
            <thead>
              <tr>
                <th>Process</th>
                <th>State</th>
                <th>Ready</th>
                <th class="num">Restarts</th>
                <th class="num">Up</th>
                <th class="num">Memory</th>
                <th>
                  <span class="dim">share</span>
                </th>
                <th>Change</th>
              </tr>
            </thead>
            <tbody>
              {processes.map((row) => (
                <tr key={row.instance}>
                  <td class="tight">
                    <a href={`/services/${row.service}`}>{row.instance}</a>{' '}
                    <span class="dim mono">{row.pid ?? ''}</span>
                  </td>
                  <td>
                    <Badge state={row.state} />
                  </td>
                  <td>{row.ready ? 'yes' : <Badge state="failed" />}</td>
                  <td class="num">{row.restarts}</td>
                  <td class="num tight">{row.uptimeSeconds === null ? '–' : seconds(row.uptimeSeconds)}</td>
                  <td class="num tight">
                    {row.rssBytes === null ? '–' : `${Math.round(row.rssBytes / MEBIBYTE)} MB`}
                  </td>
                  <td>
                    <div class="bars" aria-hidden="true">
                      <i style={{ width: `${((row.rssBytes ?? 0) / most) * 100}%` }} />
                    </div>
                  </td>
                  <td class="tight">
                    {row.open.map(({ action, consequence }) => (
                      <button
                        type="button"
                        key={action}
                        aria-label={`${action} ${row.service}`}
                        onClick={() =>
                          begin({
                            title: `${action} ${row.service}`,
                            consequence,
                            path: `services/${row.service}/${action}`,
                            body: {},
                          })
                        }
                      >
                        {action}
                      </button>
                    ))}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </Panel>
    </>
  );
}

export function ServicePage({ service }: { readonly service: string }) {
  const processes = useApi<{ processes: readonly Process[] }>('services', 2_000);
  const lines = useApi<{ lines: readonly { instance: string; line: string }[] }>(
    `services/${service}/lines?count=300`,
    1_500,
  );
  const own = processes.data?.processes.filter((row) => row.service === service) ?? [];
  return (
    <>
      <Head title={service} sub={own[0]?.url ?? undefined}>
        <a href={`/traces?service=${service}`}>traces</a>
        <a href={`/logs?service=${service}`}>logs</a>
      </Head>
      <Problem error={processes.error} isStale={processes.data !== undefined} />
      {own.length > 0 && <ProcessTable processes={own} reload={processes.reload} />}
      <Panel title="What it wrote" right="the last 300 lines of its files">
        <Problem error={lines.error} isStale={lines.data !== undefined} />
        {lines.data && lines.data.lines.length === 0 && <Empty>Nothing yet.</Empty>}
        {lines.data && <pre>{lines.data.lines.map(({ line }) => line).join('\n')}</pre>}
      </Panel>
    </>
  );
}
