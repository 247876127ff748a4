/** Sound in this browser. */

let context: AudioContext | null = null;
let playing: AudioBufferSourceNode | null = null;

/** Plays a WAV file in place of what plays, and comes back when it is over. */
export async function play(wav: ArrayBuffer): Promise<void> {
  context ??= new AudioContext();
  // Browsers let nothing sound before somebody has pressed something, as here.
  await context.resume();
  const buffer = await context.decodeAudioData(wav);
  hush();
  const source = new AudioBufferSourceNode(context, { buffer });
  source.connect(context.destination);
  playing = source;
  await new Promise<void>((over) => {
    source.onended = () => over();
    source.start();
  });
  if (playing === source) playing = null;
}

/** Falls silent. */
export function hush() {
  playing?.stop();
  playing = null;
}
