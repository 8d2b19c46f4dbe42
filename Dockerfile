# The page of `srlab web`, as a container: docker build -t srlab . && docker run -p 7860:7860 srlab
FROM python:3.12-slim

# PyTorch's build for CPUs is a tenth of the one with CUDA: --build-arg TORCH_INDEX=URL names the index that has it.
ARG TORCH_INDEX=

WORKDIR /srlab
COPY pyproject.toml README.md LICENSE ./
COPY src src
COPY conf conf
RUN pip install --no-cache-dir torch torchvision ${TORCH_INDEX:+--index-url ${TORCH_INDEX}} \
    && pip install --no-cache-dir '.[web,photos]' \
    && useradd --create-home visitor

USER visitor
WORKDIR /home/visitor
ENV OMP_NUM_THREADS=1
EXPOSE 7860
HEALTHCHECK --start-period=60s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860', timeout=5)"]
CMD ["srlab", "web", "host=0.0.0.0", "port=7860"]
