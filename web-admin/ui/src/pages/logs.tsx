/** What the daemon has logged last, followed as it goes on. */
import { useEffect, useRef, useState } from 'preact/hooks';

import { get, Problem, sentence } from '../api';
import { epoch, link } from '../daemon';
import { Card, Empty, Field, Loading, Title, Wrong } from '../parts/common';
import { useCell } from '../store';
import { t } from '../strings';
import { moment } from '../use';

const s = t.logs;
const LEVELS = ['error', 'warn', 'info', 'debug'] as const;
type Level = (typeof LEVELS)[number];
/** As many as the daemon tells at once. */
const MOST = 500;
const LOOK_MS = 1500;

interface Line {
  id: number;
  at: string;
  level: Level;
  part: string;
  text: string;
}

interface Told {
  lines: Line[];
  last: number;
}

export function Logs() {
  const [level, setLevel] = useState<Level>('info');
  const [typed, setTyped] = useState('');
  const [search, setSearch] = useState('');
  const [following, setFollowing] = useState(true);
  const { lines, error } = useLines(level, search, following);
  useEffect(() => {
    const timer = setTimeout(() => setSearch(typed.trim()), 250);
    return () => clearTimeout(timer);
  }, [typed]);
  const wanted = new URLSearchParams({ level, search }).toString();
  return (
    <>
      <Title lead={s.lead}>{s.title}</Title>
      <Card>
        <div class="log-head">
          <fieldset class="segments">
            <legend>{s.level}</legend>
            {LEVELS.map((one) => (
              <label key={one}>
                <input type="radio" name="level" checked={one === level} onChange={() => setLevel(one)} />
                <span>{s.levels[one]}</span>
              </label>
            ))}
          </fieldset>
          <Field label={s.search} type="search" value={typed} onInput={(event) => setTyped(event.currentTarget.value)} />
          <div class="row">
            <button type="button" class="quiet" aria-pressed={following} onClick={() => setFollowing(!following)}>
              {following ? s.pause : s.follow}
            </button>
            <a class="button" href={`/api/logs.txt?${wanted}`} download="pipit.log">
              {s.download}
            </a>
            <a class="button" href="/audit">
              {s.audit}
            </a>
          </div>
        </div>
        <Wrong error={error} />
        {!lines && !error && <Loading />}
        {lines?.length === 0 && <Empty>{search ? s.noneFound(search) : s.none}</Empty>}
        {lines && lines.length > 0 && <p class="hint">{s.newestFirst(lines.length)}</p>}
        {lines && lines.length > 0 && (
          <ol class="log" reversed aria-label={s.title}>
            {[...lines].reverse().map((line) => (
              <li key={line.id} data-level={line.level}>
                <span class="log-about">
                  <span class="log-level">{s.kinds[line.level]}</span>
                  <time dateTime={line.at}>{moment(line.at)}</time>
                  <span>{line.part}</span>
                </span>
                <span class="log-text">{line.text}</span>
              </li>
            ))}
          </ol>
        )}
      </Card>
    </>
  );
}

/** The lines that are wanted, with those that come while they are followed. */
function useLines(level: Level, search: string, following: boolean) {
  const [lines, setLines] = useState<Line[] | null>(null);
  const [error, setError] = useState<string | null>(null);
  const since = useCell(epoch);
  const last = useRef(0);
  useEffect(() => {
    // Another daemon counts its lines anew.
    last.current = 0;
    setLines(null);
  }, [level, search, since]);
  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout>;
    const look = async () => {
      try {
        const from = last.current;
        const wanted = new URLSearchParams({ level, search, after: String(from) });
        const told = await get<Told>(`/api/logs?${wanted.toString()}`, stop.signal);
        last.current = told.last;
        if (from === 0 || told.lines.length > 0) {
          setLines((old) => [...(from === 0 ? [] : (old ?? [])), ...told.lines].slice(-MOST));
        }
        setError(null);
      } catch (why) {
        if (stop.signal.aborted) return;
        // That nobody is there the banner says.
        if (!(why instanceof Problem && why.status === 0)) setError(sentence(why));
      }
      if (!following) return;
      timer = setTimeout(() => void look(), LOOK_MS);
    };
    const lookIfSeen = () => {
      clearTimeout(timer);
      if (!document.hidden && link.value.state !== 'lost') void look();
    };
    lookIfSeen();
    document.addEventListener('visibilitychange', lookIfSeen);
    return () => {
      document.removeEventListener('visibilitychange', lookIfSeen);
      clearTimeout(timer);
      stop.abort();
    };
  }, [level, search, following, since]);
  return { lines, error };
}
