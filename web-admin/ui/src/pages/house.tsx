import { useMemo, useState } from 'preact/hooks';

import { Badge, Card, Empty, Field, Loading, Title, Wrong } from '../parts/common';
import { BadIcon, GoodIcon } from '../parts/icons';
import { SomeSettings } from '../parts/some-settings';
import { session } from '../session';
import { useCell } from '../store';
import { t } from '../strings';
import { ago, useRead } from '../use';

const s = t.house;

interface Entity {
  id: string;
  name: string;
  area: string | null;
  kind: string;
  names: string[];
  /** Null where nothing was heard of it yet. */
  reachable: boolean | null;
  /** In words. */
  state: string;
}

interface State {
  link: 'connected' | 'connecting' | 'failed';
  why: string | null;
  tier: string;
  discovery: string;
  devices: number;
  away: number;
  last: { at: string; what: string; failed: string | null } | null;
  ignored: { at: string; why: string }[];
}

/** How it stands with the broker, what was found, and what was last commanded. */
function Connection({ state }: { state: State }) {
  const there = state.link === 'connected';
  return (
    <Card title={s.link} extra={<Badge tier={state.tier} />}>
      <ul class="facts">
        <li class={there ? 'good' : 'bad'}>
          {there ? <GoodIcon /> : <BadIcon />}
          <span>
            {s.links[state.link]} {state.why}
          </span>
        </li>
        <li class={state.devices > 0 && state.away === 0 ? 'good' : 'bad'}>
          {state.devices > 0 && state.away === 0 ? <GoodIcon /> : <BadIcon />}
          <span>
            {s.discovered(state.devices, state.discovery)}{' '}
            {state.devices > 0 && (state.away > 0 ? s.away(state.away) : s.allThere)}
          </span>
        </li>
      </ul>
      <p>
        <strong>{s.last}: </strong>
        {state.last ? s.lastDone(state.last.what, ago(state.last.at)) : <span class="hint">{s.noCommand}</span>}
      </p>
      <Wrong error={state.last?.failed ?? null} />
      {state.ignored.length > 0 && (
        <details>
          <summary>{s.ignored}</summary>
          <p class="hint">{s.ignoredLead}</p>
          <ul class="rows">
            {state.ignored.map((one) => (
              <li key={one.at + one.why}>
                <span class="grow">{one.why}</span>
                <span class="hint">{ago(one.at)}</span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </Card>
  );
}

export function House() {
  const role = useCell(session)?.person?.role;
  const state = useRead<State | null>(role === 'guest' ? null : '/api/house');
  const entities = useRead<Entity[]>('/v1/entities');
  const [wanted, setWanted] = useState('');
  const areas = useMemo(() => {
    const found = (entities.data ?? []).filter((entity) =>
      [entity.name, entity.area, entity.kind, ...entity.names].join(' ').toLowerCase().includes(wanted.trim().toLowerCase()),
    );
    const areas = new Map<string, Entity[]>();
    for (const entity of found) {
      const area = entity.area ?? s.elsewhere;
      areas.set(area, [...(areas.get(area) ?? []), entity]);
    }
    return [...areas].sort(([a], [b]) => a.localeCompare(b));
  }, [entities.data, wanted]);
  const any = (entities.data?.length ?? 0) > 0;
  return (
    <>
      <Title lead={s.lead}>{s.title}</Title>
      <Wrong error={entities.error} again={entities.again} />
      {!entities.data && !entities.error && <Loading />}
      {entities.data && !any && !state.data && <Empty>{s.none}</Empty>}
      <Wrong error={state.error} />
      {state.data && <Connection state={state.data} />}
      {any && (
        <Field
          label={s.filter}
          hideLabel
          type="search"
          placeholder={s.filterHint}
          value={wanted}
          onInput={(event) => setWanted(event.currentTarget.value)}
        />
      )}
      {any && areas.length === 0 && <Empty>{s.noneFound}</Empty>}
      <div class="columns">
        {areas.map(([area, entities]) => (
          <Card title={area} key={area}>
            <ul class="rows">
              {entities.map((entity) => (
                <li key={entity.id}>
                  <span class="grow">
                    <strong>{entity.name}</strong>
                    <span class="hint">{entity.kind}</span>
                    {aliases(entity).length > 0 && <span class="hint alias">{s.also(aliases(entity).join(', '))}</span>}
                  </span>
                  <span class={entity.reachable ? undefined : 'hint'}>
                    {entity.reachable === false ? s.unreachable : entity.state || s.unheard}
                  </span>
                </li>
              ))}
            </ul>
          </Card>
        ))}
      </div>
      {role === 'owner' && (
        <SomeSettings
          folded={Boolean(state.data)}
          title={s.setUp}
          lead={s.described}
          names={['mqtt.host', 'mqtt.port', 'mqtt.username', 'mqtt.tls', 'home.area']}
          keyOf="mqtt"
        />
      )}
    </>
  );
}

/** What it may be called besides. */
function aliases(entity: Entity): string[] {
  return entity.names.filter((name) => name.toLowerCase() !== entity.name.toLowerCase());
}
