/** The microphone of this browser, as Pipit is sent it: 16 bits, mono, 16 kHz, in frames of 20 ms. */
import worklet from './microphone.worklet?worker&url';

export class Microphone {
  private constructor(
    private readonly stream: MediaStream,
    private readonly context: AudioContext,
  ) {}

  /** Asks for it, which the person may refuse. It fails with a `DOMException`. */
  static async open(heard: (frame: Int16Array<ArrayBuffer>) => void, lost: () => void): Promise<Microphone> {
    const stream = await navigator.mediaDevices.getUserMedia({
      // What Pipit says here is not to come back to it.
      audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 },
    });
    const context = new AudioContext({ latencyHint: 'interactive' });
    const microphone = new Microphone(stream, context);
    try {
      await context.audioWorklet.addModule(worklet);
      const node = new AudioWorkletNode(context, 'pipit-microphone', { numberOfOutputs: 0, channelCount: 1, channelCountMode: 'explicit' });
      node.port.onmessage = ({ data }) => heard(new Int16Array(data as ArrayBuffer));
      context.createMediaStreamSource(stream).connect(node);
      stream.getAudioTracks()[0]?.addEventListener('ended', lost);
      await context.resume();
      return microphone;
    } catch (error) {
      microphone.close();
      throw error;
    }
  }

  /** Gives it back: the browser shows no more that it is in use. */
  close() {
    this.stream.getTracks().forEach((track) => track.stop());
    void this.context.close().catch(() => {});
  }
}
