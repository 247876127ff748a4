/** The frame around the pages: who is signed in, where one can go, and whether the daemon is there. */
import type { ComponentType } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

import { sentence } from './api';
import { epoch, follow, link, reconnect, snapshot } from './daemon';
import { Access } from './pages/access';
import { Audio } from './pages/audio';
import { Audit } from './pages/audit';
import { Backup } from './pages/backup';
import { Claim } from './pages/claim';
import { Docs } from './pages/docs';
import { House } from './pages/house';
import { Live } from './pages/live';
import { Logs } from './pages/logs';
import { Memory } from './pages/memory';
import { Models } from './pages/models';
import { Overview } from './pages/overview';
import { People } from './pages/people';
import { Personas } from './pages/personas';
import { Privacy } from './pages/privacy';
import { Providers } from './pages/providers';
import { Settings } from './pages/settings';
import { SignIn } from './pages/sign-in';
import { System } from './pages/system';
import { Talk } from './pages/talk';
import { Timeline } from './pages/timeline';
import { Timers } from './pages/timers';
import { Voices } from './pages/voices';
import { Welcome } from './pages/welcome';
import { Loading, Title, Wrong } from './parts/common';
import {
  AccessIcon,
  AuditIcon,
  BackupIcon,
  Bird,
  DocsIcon,
  HomeIcon,
  HouseIcon,
  LiveIcon,
  LogsIcon,
  MemoryIcon,
  MicIcon,
  ModelsIcon,
  MoreIcon,
  PeopleIcon,
  PersonasIcon,
  PrivacyIcon,
  ProvidersIcon,
  SettingsIcon,
  SystemIcon,
  TalkIcon,
  TimelineIcon,
  TimersIcon,
  VoicesIcon,
} from './parts/icons';
import { phaseOf } from './parts/phase';
import { path } from './router';
import { look, session, signOut } from './session';
import { useCell } from './store';
import { t } from './strings';
import { choose, theme, THEMES } from './theme';
import type { Person } from './types';
import { useDoing, useNow } from './use';

interface Page {
  path: string;
  name: string;
  icon: ComponentType;
  page: ComponentType;
  /** Under which heading it stands; those without are at hand, at the bottom of a phone too. */
  group?: Group;
  /** For the owner alone. */
  owner?: boolean;
  /** For guests without a password too. */
  guest?: boolean;
  /** Not for guests. */
  resident?: boolean;
}

type Group = keyof typeof t.nav.groups;

const GROUPS = Object.keys(t.nav.groups) as Group[];

// `web-admin/src/panel.rs` knows the same paths.
/** What only leads to itself, and stands in no list. */
const WELCOME: Page = { path: '/welcome', name: t.welcome.title, icon: HomeIcon, page: Welcome, owner: true };

const PAGES: Page[] = [
  { path: '/', name: t.nav.overview, icon: HomeIcon, page: Overview },
  { path: '/talk', name: t.nav.talk, icon: TalkIcon, page: Talk, guest: true },
  { path: '/timers', name: t.nav.timers, icon: TimersIcon, page: Timers },
  { path: '/house', name: t.nav.house, icon: HouseIcon, page: House },
  { path: '/live', name: t.nav.live, icon: LiveIcon, page: Live, group: 'watch', guest: true },
  { path: '/timeline', name: t.nav.timeline, icon: TimelineIcon, page: Timeline, group: 'watch' },
  { path: '/privacy', name: t.nav.privacy, icon: PrivacyIcon, page: Privacy, group: 'watch' },
  { path: '/voices', name: t.nav.voices, icon: VoicesIcon, page: Voices, group: 'sound', owner: true },
  { path: '/models', name: t.nav.models, icon: ModelsIcon, page: Models, group: 'sound', owner: true },
  { path: '/audio', name: t.nav.audio, icon: MicIcon, page: Audio, group: 'sound', owner: true },
  { path: '/memory', name: t.nav.memory, icon: MemoryIcon, page: Memory, group: 'mind' },
  { path: '/personas', name: t.nav.personas, icon: PersonasIcon, page: Personas, group: 'mind', resident: true },
  { path: '/providers', name: t.nav.providers, icon: ProvidersIcon, page: Providers, group: 'mind', owner: true },
  { path: '/people', name: t.nav.people, icon: PeopleIcon, page: People, group: 'people' },
  { path: '/access', name: t.nav.access, icon: AccessIcon, page: Access, group: 'people' },
  { path: '/settings', name: t.nav.settings, icon: SettingsIcon, page: Settings, group: 'device', owner: true },
  { path: '/backup', name: t.nav.backup, icon: BackupIcon, page: Backup, group: 'device', owner: true },
  { path: '/logs', name: t.nav.logs, icon: LogsIcon, page: Logs, group: 'device', owner: true },
  { path: '/audit', name: t.nav.audit, icon: AuditIcon, page: Audit, group: 'device', owner: true },
  { path: '/system', name: t.nav.system, icon: SystemIcon, page: System, group: 'device', owner: true },
  { path: '/docs', name: t.nav.docs, icon: DocsIcon, page: Docs, group: 'device' },
];

function mayOpen(page: Page, person: Person): boolean {
  if (person.name === null) return page.guest === true;
  return person.role === 'owner' || (!page.owner && (!page.resident || person.role === 'member'));
}

export function App() {
  const who = useCell(session);
  const since = useCell(epoch);
  const [error, setError] = useState<string | null>(null);
  useEffect(() => {
    let waiting: ReturnType<typeof setTimeout>;
    let gone = false;
    const ask = (wait: number) => {
      look().then(
        () => setError(null),
        (why: unknown) => {
          if (gone) return;
          // Once somebody is known, the events say whether the daemon is there.
          if (session.value === null) setError(sentence(why));
          waiting = setTimeout(() => ask(Math.min(wait * 2, 8000)), wait);
        },
      );
    };
    ask(500);
    return () => {
      gone = true;
      clearTimeout(waiting);
    };
  }, [since]);
  const person = who?.person ?? null;
  const top = `/${useCell(path).split('/')[1] ?? ''}`;
  if (!who) return <main class="alone">{error ? <Wrong error={error} /> : <Loading />}</main>;
  if (!who.claimed) return <Claim />;
  if (person) return <Inside person={person} key={person.id} />;
  // It tells nothing of anybody.
  return top === '/docs' ? <Outside /> : <SignIn />;
}

/** What whoever is not signed in may read. */
function Outside() {
  return (
    <main class="outside">
      <Docs />
    </main>
  );
}

function Inside({ person }: { person: Person }) {
  const at = useCell(path);
  const [more, setMore] = useState(false);
  const main = useRef<HTMLElement>(null);
  const leaving = useDoing();
  const pages = PAGES.filter((page) => mayOpen(page, person));
  const asked = `/${at.split('/')[1] ?? ''}`;
  // Guests have no home here.
  const top = person.name === null && asked === '/' ? '/talk' : asked;
  const page = [...pages, ...(person.role === 'owner' ? [WELCOME] : [])].find((page) => page.path === top);

  useEffect(() => {
    const stop = new AbortController();
    void follow(stop.signal);
    return () => stop.abort();
  }, []);

  const first = useRef(true);
  useEffect(() => {
    setMore(false);
    // The first page is where a browser puts the focus by itself.
    if (!first.current) main.current?.querySelector('h1')?.focus();
    first.current = false;
    window.scrollTo(0, 0);
  }, [top]);

  useEffect(() => {
    if (!more) return;
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return;
      setMore(false);
      document.getElementById('more-button')?.focus();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [more]);

  const item = ({ path, name, icon: Icon }: Page) => (
    <li key={path}>
      <a href={path} aria-current={path === top ? 'page' : undefined}>
        <Icon />
        <span>{name}</span>
      </a>
    </li>
  );
  const Shown = page?.page ?? Missing;
  return (
    <div class="frame">
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          main.current?.querySelector('h1')?.focus();
        }}
      >
        {t.skip}
      </a>
      <header class="top">
        <a href="/" class="brand">
          <Bird />
          <span>{t.pipit}</span>
        </a>
        <Chip />
      </header>
      <nav aria-label={t.nav.label} class={more ? 'all' : undefined}>
        <ul>
          {pages.filter((page) => !page.group).map(item)}
          <li class="more">
            <button
              type="button"
              id="more-button"
              aria-expanded={more}
              aria-controls="groups aside"
              onClick={() => setMore(!more)}
              data-current={page?.group ? true : undefined}
            >
              <MoreIcon />
              <span>{t.nav.more}</span>
            </button>
          </li>
        </ul>
        <div class="groups" id="groups">
          {GROUPS.map((group) => {
            const inside = pages.filter((page) => page.group === group);
            if (inside.length === 0) return null;
            return (
              <div key={group}>
                <p id={`group-${group}`}>{t.nav.groups[group]}</p>
                <ul aria-labelledby={`group-${group}`}>{inside.map(item)}</ul>
              </div>
            );
          })}
        </div>
        <div class="aside" id="aside">
          <ThemeChoice />
          <p class="who">{person.name === null ? t.nav.guest : t.nav.signedInAs(person.name)}</p>
          <Wrong error={leaving.error} />
          <button type="button" class="quiet" disabled={leaving.busy} onClick={() => void leaving.run(signOut)}>
            {t.nav.signOut}
          </button>
        </div>
      </nav>
      <main id="main" ref={main}>
        <Banner />
        <Shown />
      </main>
    </div>
  );
}

/** What Pipit does, small, on every page. */
function Chip() {
  const phase = phaseOf(useCell(snapshot), useCell(link));
  return (
    <span class="chip" data-phase={phase}>
      <span class="dot" aria-hidden="true" />
      {t.phases[phase] ?? phase}
    </span>
  );
}

function ThemeChoice() {
  const chosen = useCell(theme);
  return (
    <fieldset class="segments">
      <legend>{t.nav.theme}</legend>
      {THEMES.map((one) => (
        <label key={one}>
          <input type="radio" name="theme" checked={one === chosen} onChange={() => choose(one)} />
          <span>{t.nav.themes[one]}</span>
        </label>
      ))}
    </fieldset>
  );
}

/** Says that the daemon is away, and when it is back. */
function Banner() {
  const now = useCell(link);
  const [back, setBack] = useState(false);
  const was = useRef(now.state);
  useEffect(() => {
    const returned = was.current === 'lost' && now.state === 'open';
    was.current = now.state;
    if (!returned) return;
    setBack(true);
    const timer = setTimeout(() => setBack(false), 4000);
    return () => clearTimeout(timer);
  }, [now.state]);
  const lost = now.state === 'lost';
  return (
    <>
      <div role="status" class={lost ? 'banner' : back ? 'banner back' : undefined}>
        {lost ? t.connection.lost : back ? t.connection.back : null}
      </div>
      {lost && (
        <div class="banner-next">
          {/* The seconds go by for the eye alone: read aloud each of them would be noise. */}
          <Countdown next={now.next} />
          <button type="button" class="quiet" onClick={reconnect}>
            {t.connection.now}
          </button>
        </div>
      )}
    </>
  );
}

function Countdown({ next }: { next: number | null }) {
  useNow();
  const left = next === null ? 0 : Math.ceil((next - performance.now()) / 1000);
  return <span>{left > 0 ? t.connection.next(left) : t.connection.trying}</span>;
}

function Missing() {
  return (
    <>
      <Title lead={t.missing.lead}>{t.missing.title}</Title>
      <a href="/">{t.missing.home}</a>
    </>
  );
}
