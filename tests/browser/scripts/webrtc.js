/** Rings with a remote side that came through a real WebRTC connection, looped inside the page. */
async () => {
  const context = new AudioContext(),
    tone = new OscillatorNode(context, { frequency: 440 }),
    out = context.createMediaStreamDestination()
  tone.connect(out)
  tone.start()
  const here = new RTCPeerConnection(),
    there = new RTCPeerConnection()
  here.onicecandidate = ({ candidate }) => there.addIceCandidate(candidate)
  there.onicecandidate = ({ candidate }) => here.addIceCandidate(candidate)
  const remote = new Promise((resolve) => {
    there.ontrack = ({ streams }) => resolve(streams[0])
  })
  here.addTrack(out.stream.getTracks()[0], out.stream)
  await here.setLocalDescription()
  await there.setRemoteDescription(here.localDescription)
  await there.setLocalDescription()
  await here.setRemoteDescription(there.localDescription)
  await ring({}, { caller: await remote, agent: await microphone() })
}
