() =>
  [...document.querySelectorAll("a, button, input, select, textarea, summary, [role=img], progress")]
    .filter((node) => node.checkVisibility() && !node.closest("[aria-hidden=true]"))
    .filter(
      (node) =>
        !(
          node.getAttribute("aria-label") ||
          node.textContent.trim() ||
          [...(node.labels ?? [])].some((label) => label.textContent.trim())
        ),
    )
    .map((node) => node.outerHTML.slice(0, 120))
