import { useMemo, useState } from 'preact/hooks';

import { Card, Empty, Field, Loading, Title, Wrong } from '../parts/common';
import { t } from '../strings';
import { useRead } from '../use';

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

export function House() {
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
      {entities.data && !any && <Empty>{s.none}</Empty>}
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
    </>
  );
}
