using Vitrine.Accelerators.Kvm;
using Vitrine.Accelerators.Kvm.Native;
using Vitrine.Errors;
using Vitrine.Kvm.Abi;
using Xunit;

namespace Vitrine.Tests.Kvm;

/// <summary>What a user reads when KVM can't be used. None of these needs a /dev/kvm.</summary>
public sealed class KvmErrorTests
{
    // A descriptor that nobody has: RecordingKvmSystem doesn't close it.
    private const int FakeDescriptor = 1_000_001;

    [Theory]
    [InlineData(Errno.ENOENT, "does not exist", "--device /dev/kvm")]
    [InlineData(Errno.EACCES, "may not be opened", "ls -l /dev/kvm")]
    [InlineData(Errno.EPERM, "may not be opened", "ls -l /dev/kvm")]
    [InlineData(Errno.ENODEV, "no driver", "modprobe")]
    [InlineData(Errno.EMFILE, "too many files", "ulimit -n")]
    [InlineData(Errno.EIO, "could not be opened", "the software CPU")]
    public void OpenErrorsNameCauseAndRemedy(int errno, string what, string remedy)
    {
        VitrineException e = Fails(new RecordingKvmSystem { OpenResult = -errno });
        Assert.Equal(ErrorKind.Host, e.Kind);
        Assert.Contains("/dev/kvm", e.What, StringComparison.Ordinal);
        Assert.Contains(what, e.What, StringComparison.Ordinal);
        Assert.Contains(remedy, e.Remedy, StringComparison.Ordinal);
        Assert.Equal(errno, Assert.IsType<KvmIoctlException>(e.InnerException).Errno);
        AssertThreeSentences(e);
    }

    [Fact]
    public void MissingPermissionIsExplainedFromTheNodesRights()
    {
        NodeRights rights = new()
        {
            Path = "/dev/kvm",
            Owner = new(0, "root"),
            Group = new(36, "virt"),
            Mode = 0b110_110_000,
            User = new(1000, "alice"),
            Groups = [1000],
        };
        VitrineException e = Fails(new RecordingKvmSystem { OpenResult = -Errno.EACCES, Rights = rights });
        Assert.Contains("root:virt with mode 660", e.Why, StringComparison.Ordinal);
        Assert.Contains("usermod -aG virt", e.Remedy, StringComparison.Ordinal);
        AssertThreeSentences(e);
    }

    [Theory]
    [InlineData(11, "version 11")]
    [InlineData(13, "version 13")]
    [InlineData(-Errno.ENOTTY, "ENOTTY")]
    public void WrongApiVersionIsRefused(int version, string named)
    {
        VitrineException e = Fails(new RecordingKvmSystem { OpenResult = FakeDescriptor, Answer = (_, _) => version });
        Assert.Contains(named, e.What, StringComparison.Ordinal);
        Assert.Contains("12", e.What, StringComparison.Ordinal);
        AssertThreeSentences(e);
    }

    [Theory]
    [InlineData(0, "KVM_CAP_IRQCHIP")]
    [InlineData(3, "KVM_CAP_USER_MEMORY")]
    [InlineData(77, "KVM_CAP_SIGNAL_MSI")]
    [InlineData(81, "KVM_CAP_READONLY_MEM")]
    [InlineData(136, "KVM_CAP_IMMEDIATE_EXIT")]
    public void MissingCapabilityIsNamed(int number, string name)
    {
        VitrineException e = Fails(new RecordingKvmSystem
        {
            OpenResult = FakeDescriptor,
            Answer = (ioctl, argument) => ioctl switch
            {
                nameof(KvmIoctl.KVM_GET_API_VERSION) => 12,
                nameof(KvmIoctl.KVM_CHECK_EXTENSION) => argument == number ? 0 : 1,
                _ => throw new InvalidOperationException($"{ioctl} before the capabilities were checked"),
            },
        });
        Assert.Contains(name, e.What, StringComparison.Ordinal);
        AssertThreeSentences(e);
    }

    [Fact]
    public void SplitIrqchipNeedsItsCapability()
    {
        var calls = new RecordingKvmSystem
        {
            OpenResult = FakeDescriptor,
            Answer = (ioctl, argument) => ioctl == nameof(KvmIoctl.KVM_GET_API_VERSION) ? 12 : argument == 121 ? 0 : 1,
        };
        VitrineException e = Assert.Throws<VitrineException>(() => KvmAccelerator.Create(new KvmOptions { SplitIrqchip = true }, calls));
        Assert.Contains("KVM_CAP_SPLIT_IRQCHIP", e.What, StringComparison.Ordinal);
        AssertThreeSentences(e);
    }

    [Fact]
    public void CreationOfTheMachineIsRetriedAfterASignal()
    {
        int attempts = 0;
        var calls = new RecordingKvmSystem
        {
            OpenResult = FakeDescriptor,
            Answer = (ioctl, _) => ioctl switch
            {
                nameof(KvmIoctl.KVM_GET_API_VERSION) => 12,
                nameof(KvmIoctl.KVM_CHECK_EXTENSION) => 1,
                nameof(KvmIoctl.KVM_CREATE_VM) => ++attempts < 3 ? -Errno.EINTR : -Errno.EBUSY,
                _ => 0,
            },
        };
        VitrineException e = Fails(calls);
        Assert.Equal(3, attempts);
        Assert.Contains("KVM_CREATE_VM failed with EBUSY", e.What, StringComparison.Ordinal);
        Assert.Contains("Another hypervisor", e.Why, StringComparison.Ordinal);
        AssertThreeSentences(e);
    }

    [Fact]
    public void NumbersThatCollideHaveTheNameOfTheirDescriptor()
    {
        // 0x4040AEA0 is KVM_SET_VCPU_EVENTS on a vCPU; on a machine nothing has that number.
        Assert.Equal("KVM_SET_VCPU_EVENTS", KvmIoctlName.Of(KvmDescriptorKind.Vcpu, 0x4040AEA0));
        Assert.Equal("ioctl 0x4040aea0", KvmIoctlName.Of(KvmDescriptorKind.Vm, 0x4040AEA0));
        Assert.Equal("KVM_CHECK_EXTENSION", KvmIoctlName.Of(KvmDescriptorKind.Vm, 0xAE03));
        Assert.Equal("KVM_GET_TSC_KHZ", KvmIoctlName.Of(KvmDescriptorKind.Vcpu, 0xAEA3));
    }

    [Theory]
    [InlineData(KvmIoctl.KVM_SET_USER_MEMORY_REGION, Errno.EEXIST, "overlaps")]
    [InlineData(KvmIoctl.KVM_SET_USER_MEMORY_REGION, Errno.EINVAL, "multiples of 4096")]
    [InlineData(KvmIoctl.KVM_GET_DIRTY_LOG, Errno.ENOENT, "LogDirtyPages")]
    [InlineData(KvmIoctl.KVM_CREATE_VCPU, Errno.EEXIST, "already has it")]
    [InlineData(KvmIoctl.KVM_CREATE_VCPU, Errno.EINVAL, "above what this KVM allows")]
    [InlineData(KvmIoctl.KVM_IRQ_LINE, Errno.ENXIO, "no interrupt controllers")]
    [InlineData(KvmIoctl.KVM_CREATE_PIT2, Errno.ENOENT, "interrupt controllers first")]
    [InlineData(KvmIoctl.KVM_CREATE_IRQCHIP, Errno.EIO, "another process")]
    [InlineData(KvmIoctl.KVM_CREATE_IRQCHIP, Errno.ENOMEM, "out of memory")]
    public void IoctlErrorsHaveTheirCause(uint request, int errno, string cause)
    {
        VitrineException e = KvmError.FromIoctl(KvmDescriptorKind.Vm, request, errno);
        Assert.Contains(cause, e.Why, StringComparison.Ordinal);
        AssertThreeSentences(e);
    }

    [Fact]
    public void RunWithoutMemoryHasItsCause() =>
        Assert.Contains("no memory slot", KvmError.FromIoctl(KvmDescriptorKind.Vcpu, KvmIoctl.KVM_RUN, Errno.ENOSPC).Why, StringComparison.Ordinal);

    private static VitrineException Fails(IKvmSystem calls) =>
        Assert.Throws<VitrineException>(() => KvmAccelerator.Create(new KvmOptions(), calls));

    private static void AssertThreeSentences(VitrineException e)
    {
        foreach (string sentence in (string[])[e.What, e.Why, e.Remedy])
        {
            Assert.EndsWith(".", sentence, StringComparison.Ordinal);
            Assert.DoesNotContain(". ", sentence, StringComparison.Ordinal);
        }
    }
}
