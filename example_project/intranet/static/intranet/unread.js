// Counts the messages that arrive, in the page's title and beside "Inbox" in the navigation.
// The Recents widget tells of each one, and of the spaces that have been read since.

const recents = document.getElementById("recents");
const badge = document.getElementById("unread");
const { title } = document;
const unread = new Map();

function count(space, messages) {
  unread.set(space, messages);
  const all = [...unread.values()].reduce((sum, each) => sum + each);
  badge.firstElementChild.textContent = all;
  badge.hidden = !all;
  document.title = all ? `(${all}) ${title}` : title;
}

recents.addEventListener("webex:rooms:unread", ({ detail }) => {
  const { id } = detail.data;
  count(id, (unread.get(id) ?? 0) + 1);
});
recents.addEventListener("webex:rooms:read", ({ detail }) => count(detail.data.id, 0));
