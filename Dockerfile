# The lab for a class or a team: docker build -t tiger-lab . && docker run -p 8501:8501 -v tiger-data:/data tiger-lab
FROM python:3.12-slim

# On Linux pip's torch brings gigabytes for graphics cards; give PyTorch's CPU index here to take the small build.
ARG PIP_EXTRA_INDEX_URL=""
ENV PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1

WORKDIR /src
COPY requirements.txt ./
RUN pip install -r requirements.txt
COPY pyproject.toml README.md app.py ./
COPY .streamlit ./.streamlit
COPY pages ./pages
COPY data ./data
COPY tiger ./tiger
RUN pip install --no-deps . && rm -rf /src/* \
    && useradd --create-home --uid 10001 tiger && mkdir /data && chown tiger /data

USER tiger
WORKDIR /home/tiger
ENV TIGER_HOME=/data
VOLUME /data
EXPOSE 8501
# Shared: typed paths are off. Behind a domain name, set TIGER_HOSTS to it.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
CMD ["tiger", "app", "--share", "--server.port", "8501", "--server.headless", "true"]
