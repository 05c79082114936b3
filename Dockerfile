# wirelessenv with trainers and baselines, for the CPU:
#   docker build -t wirelessenv .
#   docker run --rm -v "$PWD:/work" --user "$(id -u):$(id -g)" wirelessenv train dense --seeds 3 --set iterations=300
FROM python:3.13-slim
COPY . /opt/wirelessenv
RUN pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu \
      --constraint /opt/wirelessenv/constraints.txt "/opt/wirelessenv[compare]" \
    && rm -r /opt/wirelessenv
# matplotlib keeps its fonts there, whoever the user is
ENV MPLCONFIGDIR=/tmp/matplotlib
WORKDIR /work
ENTRYPOINT ["wirelessenv"]
CMD ["--help"]
