import { useApi } from '../api.ts';
import { milliseconds, seconds } from '../format.ts';
import { Badge, Empty, Head, Panel, Problem } from '../parts.tsx';
import { setFilter } from '../router.ts';
import type { InvariantsView, Slo } from '../shapes.ts';
import { count, percent, plural, Table } from '../table.tsx';
import { Loading } from './edges.tsx';

export function SlosPage() {
  const { data, error } = useApi<{ readonly slos: readonly Slo[] }>('slos', 5_000);
  if (!data) return <Loading error={error} />;
  const burning = data.slos.filter(({ alert }) => alert !== null);
  return (
    <>
      <Head
        title="Objectives"
        sub={
          burning.length === 0
            ? 'none burns too fast'
            : `${burning.map(({ name }) => name).join(', ')} burns too fast`
        }
      />
      <Problem error={error} isStale />
      {data.slos.length === 0 && (
        <Panel title="None">
          <Empty>
            The configuration declares no <code>slos</code>.
          </Empty>
        </Panel>
      )}
      <div class="cards">
        {data.slos.map((slo) => (
          <SloCard key={slo.name} slo={slo} />
        ))}
      </div>
      <p class="dim">
        The budget is counted since the processes were started, burns since this console watches. Rules for
        Prometheus: <code>flotilla slo render</code>.
      </p>
    </>
  );
}

function SloCard({ slo }: { readonly slo: Slo }) {
  const { name, objective, good, events, budgetLeft, alert } = slo;
  const left = budgetLeft === null ? 1 : Math.max(0, Math.min(1, budgetLeft));
  const tone = budgetLeft === null ? '' : budgetLeft <= 0 ? 'bad' : budgetLeft < 0.5 ? 'warn' : 'good';
  return (
    <section class="panel" aria-label={name}>
      <header>
        <h2>{name}</h2>
        <div class="right">
          {alert ? <Badge state={alert} /> : <Badge state={good === null ? 'idle' : 'holds'} />}
        </div>
      </header>
      <div class="pad slo">
        <p class="dim">{slo.description}</p>
        <p>
          <b class="big">{good === null ? '–' : percent(good)}</b>{' '}
          <span class="dim">
            good, {percent(objective)} promised{events !== null && `, of ${count(events)}`}
          </span>
        </p>
        <div
          class={`bars ${tone}`}
          role="img"
          aria-label={`Budget left: ${budgetLeft === null ? 'all' : percent(budgetLeft)}`}
        >
          <i style={{ width: `${left * 100}%` }} />
        </div>
        <p class="dim">
          {budgetLeft === null
            ? 'nothing of the budget is used'
            : budgetLeft < 0
              ? 'the budget is used up'
              : `${percent(budgetLeft)} of the budget is left`}
        </p>
        <dl class="burns">
          {slo.burns.map(({ seconds: over, rate }) => (
            <div key={over}>
              <dt>{seconds(over).replace(/ 0 (s|min)$/, '')}</dt>
              <dd class={rate !== null && rate > 1 ? 'bad' : ''}>
                {rate === null ? '–' : `${count(rate)} ×`}
              </dd>
            </div>
          ))}
        </dl>
      </div>
    </section>
  );
}

export function InvariantsPage({ query }: { readonly query: URLSearchParams }) {
  const moment = query.get('moment') === 'at-rest' ? 'at-rest' : 'always';
  const { data, error } = useApi<InvariantsView>(`invariants?moment=${moment}`, 10_000);
  return (
    <>
      <Head title="Invariants" sub="what must hold of the data, whatever happens" />
      <fieldset class="filters" aria-label="Moment">
        {(['always', 'at-rest'] as const).map((one) => (
          <button
            type="button"
            key={one}
            class={one === moment ? 'primary' : ''}
            aria-pressed={one === moment}
            onClick={() => setFilter('moment', one === 'always' ? '' : one)}
          >
            {one === 'always' ? 'at every instant' : 'also once all has settled'}
          </button>
        ))}
      </fieldset>
      <Problem error={error} isStale={data !== undefined} />
      {!data && !error && <p class="empty">Looking through the databases …</p>}
      {data && !data.isDeclared && (
        <Panel title="None">
          <Empty>
            The configuration declares no <code>console.invariants</code>.
          </Empty>
        </Panel>
      )}
      {data?.isDeclared && <Findings data={data} />}
    </>
  );
}

function Findings({ data }: { readonly data: InvariantsView }) {
  const violated = data.findings.filter(({ count: found }) => found > 0).length;
  return (
    <Panel
      title={
        violated === 0
          ? `All ${data.findings.length} hold`
          : `${violated} of ${data.findings.length} violated`
      }
      right={`looked for in ${milliseconds(data.tookMs ?? 0)}`}
    >
      <Table
        rows={data.findings}
        keyOf={({ id }) => id}
        empty="Nothing is looked for."
        columns={[
          { title: 'Id', look: 'mono tight', of: ({ id }) => id },
          {
            title: 'State',
            look: 'tight',
            of: ({ count: found, skipped }) =>
              skipped ? (
                <Badge state="not looked for" />
              ) : (
                <Badge state={found === 0 ? 'holds' : plural(found, 'violation')} />
              ),
          },
          {
            title: 'What holds',
            look: 'wrap',
            of: ({ what, violations, skipped }) => (
              <>
                {what}
                {skipped && <div class="dim">{skipped}</div>}
                {violations.map((violation, index) => (
                  <div class="mono bad" key={`${index} of ${violations.length}`}>
                    {Object.entries(violation).map(([name, value]) => (
                      <span key={name}>
                        <span class="dim">{name}</span> {String(value)}{' '}
                      </span>
                    ))}
                  </div>
                ))}
              </>
            ),
          },
        ]}
      />
    </Panel>
  );
}
