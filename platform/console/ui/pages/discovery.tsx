import { useApi } from '../api.ts';
import { colourOf, seconds } from '../format.ts';
import { Badge, Empty, Head, Missing, Panel, Problem } from '../parts.tsx';
import type { DiscoveryView } from '../shapes.ts';
import { NONE, plural, Table } from '../table.tsx';
import { Loading } from './edges.tsx';

/** A question waits half a minute for a change: what is older was not confirmed. */
const OLD_SECONDS = 60;

export function DiscoveryPage() {
  const { data, error } = useApi<DiscoveryView>('discovery', 3_000);
  if (!data) return <Loading error={error} />;
  const { registry, known } = data;
  const instances = registry.ok ? registry.value.instances : [];
  const ill = instances.filter(({ status }) => status !== 'passing').length;
  const old = known.filter(({ ageSeconds }) => ageSeconds > OLD_SECONDS);
  return (
    <>
      <Head
        title="Discovery"
        sub={
          registry.ok
            ? `${instances.length} instances, ${ill === 0 ? 'all healthy' : `${ill} not healthy`}`
            : undefined
        }
      />
      <Problem error={error} isStale />
      <Missing missing={data.missing} />
      {old.length > 0 && (
        <div class="notice" role="status">
          {plural(old.length, 'answer')} older than {OLD_SECONDS} s: those processes go by the last that they
          have heard.
        </div>
      )}
      <Panel
        title="Who is registered"
        right={registry.ok && <span class="mono">{registry.value.source}</span>}
      >
        {!registry.ok ? (
          <Empty>
            The registry cannot be asked: {registry.why}. Processes go by what they have heard last.
          </Empty>
        ) : (
          <Table
            rows={instances}
            keyOf={({ service, id }) => `${service} ${id}`}
            empty="Nobody is registered."
            columns={[
              {
                title: 'Service',
                look: 'tight',
                of: ({ service }) => (
                  <a class="chip" href={`/services/${service}`}>
                    <i style={{ background: colourOf(service) }} />
                    {service}
                  </a>
                ),
              },
              { title: 'Instance', look: 'mono tight', of: ({ id }) => id },
              { title: 'Address', look: 'mono tight', of: ({ address }) => address },
              { title: 'Health', of: ({ status }) => <Badge state={status} /> },
              { title: 'Tags', of: ({ tags }) => tags.join(' ') || NONE },
              { title: 'What its checks say', look: 'wrap', of: ({ output }) => output || NONE },
            ]}
          />
        )}
      </Panel>
      <Panel title="What each process knows" right="oldest first">
        <Table
          rows={known}
          keyOf={({ by, service }) => `${by} ${service}`}
          empty="No process has looked for another one yet."
          columns={[
            { title: 'Process of', of: ({ by }) => <a href={`/services/${by}`}>{by}</a> },
            { title: 'Knows', of: ({ service }) => service },
            {
              title: 'Instances',
              look: 'num',
              of: ({ instances: size }) => (size === 0 ? <Badge state="gone" /> : size),
            },
            {
              title: 'Last confirmed',
              look: 'num tight',
              of: ({ ageSeconds }) => (
                <span class={ageSeconds > OLD_SECONDS ? 'warn' : ''}>{seconds(ageSeconds)} ago</span>
              ),
            },
          ]}
        />
      </Panel>
    </>
  );
}
