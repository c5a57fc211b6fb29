"""Records ten training steps of lenet by PyTorch on one thread: the file that tests/nn/golden_test.cpp compares with.

usage: python record_pytorch.py [file]

Weights, images and labels come from an integer formula that the test has too (`numbers`), so only what PyTorch computed
is stored. The file is one line of text, then little-endian fp32:

    ten times (a step):  the mean loss;
                         for each of the ten parameters, of its gradient: largest absolute value, Euclidean norm, the
                         entries k * size / 16 for k = 0..15
    the whole gradient of step 1, then of step 10: 62,006 entries each, parameters in model order
"""

import math
import pathlib
import sys

import numpy as np
import torch

STEPS, BATCH, SAMPLED = 10, 16, 16
LEARNING_RATE, MOMENTUM = 0.01, 0.9
WEIGHTS, PIXELS, LABELS = 1, 2, 3  # the streams of `numbers`


def numbers(stream, begin, count):
    """64 random bits for each of the places begin ... begin + count - 1 of a stream (splitmix64's mixing)."""
    with np.errstate(over="ignore"):
        place = np.arange(begin, begin + count, dtype=np.uint64)
        value = place * np.uint64(0x9E3779B97F4A7C15) + np.uint64(stream) * np.uint64(0xD1342543DE82EF95)
        value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return value ^ (value >> np.uint64(31))


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, 6, 5)
        self.conv2 = torch.nn.Conv2d(6, 16, 5)
        self.fc1 = torch.nn.Linear(400, 120)
        self.fc2 = torch.nn.Linear(120, 84)
        self.fc3 = torch.nn.Linear(84, 10)

    def forward(self, x):
        pool, relu = torch.nn.functional.max_pool2d, torch.relu
        x = pool(relu(self.conv1(x)), 2)
        x = pool(relu(self.conv2(x)), 2)
        x = relu(self.fc2(relu(self.fc1(torch.flatten(x, 1)))))
        return self.fc3(x)


def set_weights(net):
    """Uniform in +-1/sqrt(fan_in), multiples of 2^-23 of it."""
    begin = 0
    for layer in (net.conv1, net.conv2, net.fc1, net.fc2, net.fc3):
        bound = np.float32(1 / math.sqrt(layer.weight[0].numel()))
        for parameter in (layer.weight, layer.bias):
            count = parameter.numel()
            whole = (numbers(WEIGHTS, begin, count) >> np.uint64(40)).astype(np.float32)
            values = bound * (whole / np.float32(1 << 23) - np.float32(1))
            with torch.no_grad():
                parameter.copy_(torch.from_numpy(values).reshape(parameter.shape))
            begin += count


def batch_of(step):
    pixels = BATCH * 3 * 32 * 32
    whole = (numbers(PIXELS, step * pixels, pixels) >> np.uint64(56)).astype(np.float32)
    images = (whole / np.float32(255) - np.float32(0.5)) / np.float32(0.5)
    labels = (numbers(LABELS, step * BATCH, BATCH) >> np.uint64(32)) % np.uint64(10)
    return torch.from_numpy(images.reshape(BATCH, 3, 32, 32)), torch.from_numpy(labels.astype(np.int64))


def main():
    default = pathlib.Path(__file__).with_name("lenet_pytorch.bin")
    path = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default
    torch.set_num_threads(1)
    net = Net()
    set_weights(net)
    optimizer = torch.optim.SGD(net.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM)
    stored, whole_gradients = [], []
    for step in range(STEPS):
        images, labels = batch_of(step)
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(images), labels)
        loss.backward()
        stored.append(loss.item())
        gradients = [parameter.grad.numpy().ravel().copy() for parameter in net.parameters()]
        for gradient in gradients:
            stored += [np.abs(gradient).max(), np.linalg.norm(gradient.astype(np.float64))]
            stored += [gradient[k * gradient.size // SAMPLED] for k in range(SAMPLED)]
        if step in (0, STEPS - 1):
            whole_gradients += gradients
        optimizer.step()
        print(f"step {step + 1}: loss {loss.item():.6f}")
    line = f"PyTorch {torch.__version__}: lenet, {STEPS} steps of {BATCH}, lr {LEARNING_RATE}, momentum {MOMENTUM}\n"
    numbers_out = np.concatenate([np.array(stored, dtype="<f4")] + [g.astype("<f4") for g in whole_gradients])
    path.write_bytes(line.encode() + numbers_out.tobytes())
    print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
