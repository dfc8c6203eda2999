// Solves the challenge on the page in workers, then sends the form. Without script, or if the browser cannot do it, the
// page still offers the link by email.
const box = document.getElementById("challenge");
const said = box.querySelector("[role=status]");
const button = box.querySelector("button");
const workers = [];

function stop() {
  for (const worker of workers) worker.terminate();
}

function fail() {
  stop();
  said.textContent = box.dataset.failed;
  box.querySelector("progress").remove();
  button.remove();
}

function finish(challenge, solution) {
  stop();
  const answer = JSON.stringify({ challenge, solution });
  box.querySelector("[name=altcha]").value = btoa(answer);
  said.textContent = box.dataset.done;
  box.querySelector("progress").value = 1;
  button.disabled = false;
  button.form.requestSubmit(button);
}

function start(challenge) {
  box.hidden = false;
  const step = Math.min(4, navigator.hardwareConcurrency || 1); // each worker tries every n-th counter
  for (let first = 0; first < step; first++) {
    const worker = new Worker(box.dataset.worker);
    workers.push(worker);
    worker.onerror = fail;
    worker.onmessage = ({ data }) => (data && !data.error ? finish(challenge, data) : fail());
    worker.postMessage({ type: "work", challenge, counterStart: first, counterStep: step, timeout: 600_000 });
  }
}

// The donor came back with the browser's button: this solution is used up, so go on to the form before it.
const [visit] = performance.getEntriesByType("navigation");
addEventListener("pageshow", (shown) => shown.persisted && history.back());
if (visit?.type === "back_forward") history.back();
else if (window.Worker && window.crypto?.subtle) start(JSON.parse(box.dataset.challenge));
