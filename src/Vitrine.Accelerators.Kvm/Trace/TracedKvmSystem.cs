using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Vitrine.Accelerators.Kvm.Native;
using Vitrine.Accelerators.Observation;
using Vitrine.Kvm.Abi;
using Vitrine.Kvm.Trace;

namespace Vitrine.Accelerators.Kvm.Trace;

/// <summary>Writes down every system call that is made for KVM, with its arguments and results decoded.</summary>
/// <param name="inner">Makes the calls.</param>
/// <param name="log">Receives them.</param>
internal sealed unsafe class TracedKvmSystem(IKvmSystem inner, CallLog log) : IKvmSystem
{
    private readonly ConcurrentDictionary<int, string> _descriptors = new();
    private readonly ConcurrentDictionary<int, (nint Address, nuint Length)> _mappings = new();

    public NodeRights? ReadRights(string path) => inner.ReadRights(path);

    public int Open(string path)
    {
        (int number, long started) = Begin();
        int result = inner.Open(path);
        if (result >= 0) _descriptors[result] = path;
        log.End(number, path, "open", new CallArguments().Add("flags", "O_RDWR | O_CLOEXEC").Items, ResultText.Descriptor(result), started);
        return result;
    }

    public int Close(int descriptor)
    {
        // Before the call: behind it, the number may be another thread's new descriptor.
        string target = NameOf(descriptor);
        _descriptors.TryRemove(descriptor, out _);
        _mappings.TryRemove(descriptor, out _);
        (int number, long started) = Begin();
        int result = inner.Close(descriptor);
        log.End(number, target, "close", [], ResultText.Plain(result), started);
        return result;
    }

    public int Ioctl(KvmDescriptorKind kind, int descriptor, uint request, nint argument)
    {
        (int number, long started) = Begin();
        _mappings.TryGetValue(descriptor, out (nint Address, nuint Length) mapping);

        // SAFETY: the mapping is the accelerator's, which ends it with Unmap.
        IoctlCall call = new(kind, request, (ulong)argument, OwnMemory.Instance, (kvm_run*)mapping.Address, mapping.Length);
        int result = inner.Ioctl(kind, descriptor, request, argument);
        long ended = Stopwatch.GetTimestamp();
        if (result >= 0) Name(kind, request, argument, result);
        CallArguments arguments = new();
        string text = IoctlDecoder.Decode(call, result, arguments);

        // The time spent on words is not the call's: its beginning is moved by that much.
        long decoding = Stopwatch.GetTimestamp() - ended;
        log.End(number, NameOf(descriptor), KvmIoctlName.Of(kind, request), arguments.Items, text, started + decoding);
        return result;
    }

    public nint Map(int descriptor, nuint length)
    {
        (int number, long started) = Begin();
        nint result = inner.Map(descriptor, length);
        bool mapped = result is not (< 0 and > -4096);
        if (mapped) _mappings[descriptor] = (result, length);
        CallArguments arguments = new CallArguments().Hex("length", length).Add("prot", "PROT_READ | PROT_WRITE").Add("flags", "MAP_SHARED");
        log.End(number, NameOf(descriptor), "mmap", arguments.Items, mapped ? ResultText.Address(result) : ResultText.Plain((int)result), started);
        return result;
    }

    public int Unmap(nint address, nuint length)
    {
        foreach ((int descriptor, (nint start, _)) in _mappings)
        {
            if (start == address) _mappings.TryRemove(descriptor, out _);
        }

        (int number, long started) = Begin();
        int result = inner.Unmap(address, length);
        CallArguments arguments = new CallArguments().Hex("address", (ulong)address).Hex("length", length);
        log.End(number, "process", "munmap", arguments.Items, ResultText.Plain(result), started);
        return result;
    }

    private (int Number, long Started) Begin()
    {
        int number = log.Begin();
        return (number, Stopwatch.GetTimestamp());
    }

    private void Name(KvmDescriptorKind kind, uint request, nint argument, int result)
    {
        if (kind == KvmDescriptorKind.System && request == KvmIoctl.KVM_CREATE_VM) _descriptors[result] = "vm fd";
        if (kind == KvmDescriptorKind.Vm && request == KvmIoctl.KVM_CREATE_VCPU)
        {
            _descriptors[result] = string.Create(CultureInfo.InvariantCulture, $"vcpu fd {argument}");
        }
    }

    private string NameOf(int descriptor) =>
        _descriptors.TryGetValue(descriptor, out string? name) ? name : string.Create(CultureInfo.InvariantCulture, $"fd {descriptor}");
}
