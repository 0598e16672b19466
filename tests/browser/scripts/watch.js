() => {
  window.shown = {}
  window.rungs = []
  const look = () => {
    const card = document.querySelector(".card"),
      figure = document.querySelector(".now .figure")
    if (card && card.checkVisibility() && !(card.dataset.alert in shown))
      shown[card.dataset.alert] = [Date.now() / 1000, card.querySelector(".mood").textContent]
    if (figure && figure.textContent !== rungs.at(-1)) rungs.push(figure.textContent)
  }
  new MutationObserver(look).observe(document.body, {
    subtree: true,
    childList: true,
    characterData: true,
    attributes: true,
  })
}
