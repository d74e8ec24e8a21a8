"""Who somebody is by an OpenID Connect provider: Streamlit's ``st.login``, used for a class where it is configured.

The provider says who asks, the class's code says that they belong to this class. It is asked for once: whoever comes back, from
whichever device, is the same visitor.
"""

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError

from tiger.core import access
from tiger.ui.shared import membership
from tiger.ui.shared.membership import MAX_NAME, Classroom

OF_ALL = ("redirect_uri", "cookie_secret", "client_id", "client_secret", "server_metadata_url", "client_kwargs",
          "expose_tokens")  # keys of [auth]; every other key is a provider of its own


def configured() -> bool:
    """Whether Streamlit's secrets name an identity provider (section ``[auth]``)."""
    try:
        return "auth" in st.secrets
    except StreamlitSecretNotFoundError:
        return False


def providers() -> list[str | None]:
    """The names to log in by; None stands for the only one."""
    auth = st.secrets["auth"]
    return [None] if "client_id" in auth else sorted(name for name in auth if name not in OF_ALL)


def token() -> str | None:
    """What stands for whoever asks: the provider and its name for them, which never changes; None where nobody logged in."""
    if not configured() or not st.user.is_logged_in:
        return None
    return f"oidc {st.user.get('iss', '')} {st.user['sub']}"


def name() -> str:
    """What the provider calls whoever asks."""
    said = st.user.get("name") or st.user.get("preferred_username") or st.user.get("email") or "Visitor"
    return " ".join(str(said).split())[:MAX_NAME]


def gate(classroom: Classroom) -> None:
    """The way into the class: log in, then give its code; for whoever belongs to it, nothing."""
    st.title("Join the class", anchor=False)
    if token() is None:
        st.markdown("Train small models that give items semantic IDs, break them, and see why.")
        for provider in providers():
            label = f"Log in with {provider.capitalize()}" if provider else "Log in"
            st.button(label, type="primary", icon=":material/login:", key=f"login:{provider}", on_click=st.login,
                      args=[provider] if provider else [])
        return
    with st.form("join", width=420):
        st.text_input("Code of the class", key="join_code", max_chars=12, value=st.query_params.get("code", ""))
        if st.form_submit_button("Join", type="primary"):
            try:
                classroom.join(st.session_state["join_code"], name(), token())
                st.rerun()
            except ValueError as error:
                st.error(str(error), icon=":material/error:")
    st.caption("Your teacher sees your name and your runs. Others see only what you share.")
    st.button("Log out", icon=":material/logout:", type="tertiary", on_click=st.logout)


def shut() -> bool:
    """Whether whoever asks has to join first; the way in is then on the page."""
    here = membership.here()
    if here is None or not configured() or here[1].id:
        return False
    gate(here[0])
    return True


def account() -> None:
    """The way out, for whoever logged in."""
    if access.current() and token() is not None:
        st.button("Log out", icon=":material/logout:", type="tertiary", on_click=st.logout)
