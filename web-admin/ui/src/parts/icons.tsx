/** Icons, drawn here so that none is fetched from elsewhere. They are decoration: words stand beside them or in a label. */
import type { ComponentChildren } from 'preact';

function Icon({ children }: { children: ComponentChildren }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">
      {children}
    </svg>
  );
}

const drawn = (...lines: string[]) => () => (
  <Icon>
    {lines.map((d) => (
      <path d={d} />
    ))}
  </Icon>
);

export const HomeIcon = drawn('M4 11.5 12 4.5l8 7', 'M6 10v9.5h12V10', 'M10 19.5v-5h4v5');
export const TalkIcon = drawn('M4 5.5h16v11H11l-4.5 3.5v-3.5H4z');
export const LiveIcon = drawn('M3 12h3l2.5-6 4 13 3-10 1.5 3h4');
export const TimelineIcon = drawn('M4 6h7', 'M8 12h9', 'M13 18h7');
export const TimersIcon = drawn('M12 21a8 8 0 1 0 0-16 8 8 0 0 0 0 16z', 'M12 9v4.5l2.5 1.5', 'M9.5 2.5h5');
export const HouseIcon = drawn('M9 18h6', 'M10 21h4', 'M12 3a6 6 0 0 0-3.5 10.9c.6.5 1 1.2 1 2V15h5v.9c0-.8.4-1.5 1-2A6 6 0 0 0 12 3z');
export const MemoryIcon = drawn('M6 4h12v16.5l-6-4-6 4z');
export const PeopleIcon = drawn('M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7z', 'M2.5 20a6.5 6.5 0 0 1 13 0', 'M15.5 4.3a3.5 3.5 0 0 1 0 6.4', 'M18 14.2a6.5 6.5 0 0 1 3.5 5.8');
export const AccessIcon = drawn('M8 14.5a4 4 0 1 1 3.7-5.5H21v3.5h-2.5V15H15v-2.5h-3.3A4 4 0 0 1 8 14.5z');
export const AuditIcon = drawn('M6 3.5h9l4 4V20.5H6z', 'M9.5 11h6', 'M9.5 15h6');
export const BackupIcon = drawn('M12 14V4', 'M8.5 10.5 12 14l3.5-3.5', 'M5 14.5V20h14v-5.5');
export const DocsIcon = drawn('M9 7l-5 5 5 5', 'M15 7l5 5-5 5');
export const SystemIcon = drawn('M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z', 'M9.5 9.5a2.5 2.5 0 1 1 3.6 2.3c-.7.4-1.1.9-1.1 1.7', 'M12 16.6v.1');
export const LogsIcon = drawn('M4 5.5h16', 'M4 10h10', 'M4 14.5h13', 'M4 19h7');
export const PrivacyIcon = drawn('M12 3.5l7 2.5v5.5c0 4.5-3 7.5-7 9-4-1.5-7-4.5-7-9V6z', 'M9 12l2.2 2.2L15.2 10');
export const ProvidersIcon = drawn('M7 18.5a4 4 0 0 1-.5-8 6 6 0 0 1 11.3 1.2 3.5 3.5 0 0 1-.3 6.8z');
export const PersonasIcon = drawn('M5 5h14v7a7 7 0 0 1-14 0z', 'M9 10h1', 'M14 10h1', 'M9.5 14.5a3.5 3.5 0 0 0 5 0');
export const SettingsIcon = drawn('M4 7h9', 'M17 7h3', 'M15 5v4', 'M4 17h3', 'M11 17h9', 'M9 15v4', 'M4 12h14');
export const MoreIcon = drawn('M5 7h14', 'M5 12h14', 'M5 17h14');
export const MicIcon = drawn('M12 3.5a2.8 2.8 0 0 0-2.8 2.8v5a2.8 2.8 0 0 0 5.6 0v-5A2.8 2.8 0 0 0 12 3.5z', 'M5.5 11.5a6.5 6.5 0 0 0 13 0', 'M12 18v3');
export const MicOffIcon = drawn('M9.2 9.2v2.1a2.8 2.8 0 0 0 4.3 2.3', 'M14.8 10.5V6.3A2.8 2.8 0 0 0 9.5 5', 'M5.5 11.5a6.5 6.5 0 0 0 10 5.5', 'M18.3 13.3c.1-.6.2-1.2.2-1.8', 'M12 18v3', 'M4 4l16 16');
export const SpeakerIcon = drawn('M4 9.5h3.5L12 5.5v13l-4.5-4H4z', 'M15.5 9a4.5 4.5 0 0 1 0 6', 'M18 6.5a8 8 0 0 1 0 11');
export const StopIcon = drawn('M7 7h10v10H7z');
export const SendIcon = drawn('M12 19V5', 'M6 11l6-6 6 6');
export const PlusIcon = drawn('M12 5v14', 'M5 12h14');
export const BackIcon = drawn('M15 5l-7 7 7 7');
export const GoodIcon = drawn('M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z', 'M8 12.2l2.8 2.8L16 9.5');
export const BadIcon = drawn('M12 3.5 2.5 20h19z', 'M12 10v4.5', 'M12 17.2v.1');
export const EditIcon = drawn('M4 20l1-4.5L16 4.5l3.5 3.5L8.5 19z');
export const AgainIcon = drawn('M19.5 12a7.5 7.5 0 1 1-2.2-5.3L20 9.5', 'M20 4.5v5h-5');
export const CloseIcon = drawn('M6 6l12 12', 'M18 6L6 18');
export const TrashIcon = drawn('M4.5 7h15', 'M9.5 7V4.5h5V7', 'M6.5 7l1 13h9l1-13');

export const ModelsIcon = drawn('M12 3.5 4 7.5v9l8 4 8-4v-9z', 'M4 7.5l8 4 8-4', 'M12 11.5v9');
export const VoicesIcon = drawn('M5 10v4', 'M9 6.5v11', 'M13 9v6', 'M17 4.5v15', 'M21 10.5v3');
export const PlayIcon = drawn('M8 5.5v13l10.5-6.5z');

export function Bird() {
  return (
    <svg class="bird" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="8" fill="var(--accent-deep)" />
      <path
        fill="#fff"
        d="M25.6 10.6 22.4 9.5a5 5 0 0 0-9.2 2.7v.5C10 14.4 7.3 17.4 5.8 21.7c2.1-.3 4-.8 5.6-1.6 1.5 1.8 3.5 2.7 5.6 2.7 4 0 6.8-3 6.8-7.4v-3z"
      />
      <circle cx="19" cy="11.3" r="1.2" fill="var(--accent-deep)" />
    </svg>
  );
}
