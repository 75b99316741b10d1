import { useApi } from '../api.ts';
import { Head, Panel, Problem, Rows } from '../parts.tsx';

export function AuditPage() {
  const { data, error } = useApi<{ rows: readonly Readonly<Record<string, unknown>>[] }>('audit', 5_000);
  return (
    <>
      <Head title="Audit" sub="what was done at this console, and why" />
      <Problem error={error} isStale={data !== undefined} />
      {data && (
        <Panel title="Changes">
          <Rows rows={data.rows} empty="Nothing was changed here yet." />
        </Panel>
      )}
    </>
  );
}
